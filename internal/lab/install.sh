#!/bin/sh
# Installs what the fault lab needs on a Debian or Ubuntu machine (as root).
# The servers are not installed: the lab unpacks them into its cache.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	iproute2 nftables iptables curl lftp openssl dnsmasq-base tcpdump openssh-client ssh-audit util-linux python3 ca-certificates
