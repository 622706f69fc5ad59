# A machine to be changed: namespaces of mounts, processes and network, in which
# /etc, /run, /srv, /usr/local/bin and /var/lib are its own. This shell is its
# first process. The tests append what is to happen.
set -eu
mount -t tmpfs none /mnt # what the tests write
mount -t tmpfs -o size=64m,nr_inodes=3000 none /var/lib
mkdir /var/lib/over /var/lib/work
mount -t overlay -o lowerdir=/etc,upperdir=/var/lib/over,workdir=/var/lib/work none /etc
mount -t tmpfs none /run
mount -t tmpfs none /usr/local/bin
mount -t tmpfs -o size=2m,nr_inodes=3000 none /srv
echo 0 >/mnt/boot_id
mount --bind /mnt/boot_id /proc/sys/kernel/random/boot_id
rm -rf /etc/cron.d /etc/rc2.d /etc/iptables /etc/service /etc/systemd/system /etc/init.d
mkdir -p /etc/cron.d /etc/rc2.d /etc/iptables /etc/service/kept /etc/systemd/system /etc/init.d /etc/pure-ftpd

printf '#!/bin/sh\n%s\n' 'PATH=${PATH#/usr/local/bin/step:}
read_it() { cat "/srv/$1.conf" >"/run/$1.conf.new" && mv "/run/$1.conf.new" "/run/$1.conf"; }
trap "read_it $1" HUP
trap "kill \$!; exit" TERM
read_it "$1"
sleep 1000 &
while kill -0 $!; do wait $!; done' >/usr/local/bin/served
cat >/etc/init.d/server <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides: server resting
# Default-Start: 2
# Default-Stop:
### END INIT INFO
name=${0##*/}
case $name in S[0-9]*) name=${name#S??} ;; esac
pid=/run/$name
alive() { kill -0 "$(cat "$pid" 2>/dev/null)" 2>/dev/null; }
case $1 in
start) alive || { setsid served "$name" </dev/null >/dev/null 2>&1 & echo $! >"$pid"; until [ -s "$pid.conf" ]; do sleep 0.05; done; } ;;
stop) if alive; then kill "$(cat "$pid")"; while alive; do sleep 0.05; done; fi; rm -f "$pid" "$pid.conf" ;;
restart) "$0" stop; "$0" start ;;
reload) alive && kill -HUP "$(cat "$pid")" ;;
status) alive ;;
esac
END
sed 's/: server resting/: resting/' /etc/init.d/server >/etc/init.d/resting
printf '#!/bin/sh\nexec served kept\n' >/etc/service/kept/run
# What it banned is in a file.
printf '#!/bin/sh\n%s\n' 'case $1$3 in
setunbanip) sed -i "/^$4\$/d" /srv/banned ;;
setbanip) echo "$4" >>/srv/banned ;;
getbanip) tr "\n" " " </srv/banned; echo ;;
esac' >/usr/local/bin/fail2ban-client
# What systemd-run and systemctl do, as far as the guard asks for it.
if [ -n "${SYSTEMD:-}" ]; then
mkdir -p /etc/systemd/system/multi-user.target.wants
printf '#!/bin/sh\n%s\n' 'echo "systemd-run $*" >>/mnt/systemd
while case ${1:-} in --*) ;; *) false ;; esac; do
	case $1 in --unit=*) unit=${1#*=} ;; --on-active=*) after=${1#*=} ;; esac
	shift
done
setsid sh -c '"'"'echo $$ >"/run/$1.timer"; sleep "$2"; shift 2; exec "$@"'"'"' sh "$unit" "$after" "$@" </dev/null >/dev/null 2>&1 8>&- 9>&- &
until [ -s "/run/$unit.timer" ]; do sleep 0.05; done' >/usr/local/bin/systemd-run
printf '#!/bin/sh\n%s\n' 'echo "systemctl $*" >>/mnt/systemd
wants=/etc/systemd/system/multi-user.target.wants
while case ${1:-} in --*) ;; *) false ;; esac; do shift; done
case $1 in
stop) kill -- "-$(cat "/run/$2")" 2>/dev/null ;;
enable) ln -s "../$2" "$wants/$2" ;;
disable) rm -f "$wants/$2" ;;
is-active) while [ $# -gt 1 ]; do shift; case $1 in --*) ;; *) kill -0 "$(cat "/run/$1" 2>/dev/null)" 2>/dev/null && exit 0 ;; esac; done; exit 3 ;;
esac' >/usr/local/bin/systemctl
fi
chmod 755 /usr/local/bin/* /etc/init.d/* /etc/service/kept/run
ln -s ../init.d/server /etc/rc2.d/S01server

mkdir /srv/upload /srv/upload/kept
chmod 2750 /srv/upload; chown root:mail /srv/upload
setfacl -m u:daemon:rwx /srv/upload
printf 'listen=NO\n' >/srv/vsftpd.conf; chmod 640 /srv/vsftpd.conf; chown root:mail /srv/vsftpd.conf
setfattr -n user.note -v kept /srv/vsftpd.conf
setfacl -m u:daemon:r /srv/vsftpd.conf
ln -s vsftpd.conf /srv/link.conf
for s in server resting kept; do echo old >/srv/$s.conf; done
echo 192.0.2.7 >/srv/banned
echo 'MaxInstances 30' >/etc/proftpd.conf; chmod 600 /etc/proftpd.conf
echo 'UsePAM no' >/etc/sshd_test.conf
echo 50000 50100 >/etc/pure-ftpd/PassivePortRange
echo closed >/etc/nologin
cat >/etc/nftables.conf <<'END'
table inet filter {
	set allowed {
		type ipv4_addr
		elements = { 192.0.2.1 }
	}
	chain input {
		type filter hook input priority 0; policy accept;
		ip saddr @allowed accept
	}
}
END
cat >/etc/iptables/rules.v4 <<'END'
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
END

# boot is what a start of the machine does: what ran is gone.
boot() {
	kill -9 -1 2>/dev/null
	umask 022
	rm -rf /run/*
	[ -z "${SYSTEMD:-}" ] || mkdir -p /run/systemd/system
	echo $(($(cat /mnt/boot_id) + 1)) >/mnt/boot_id
	nft flush ruleset
	nft -f /etc/nftables.conf
	iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT
	iptables-legacy -F
	iptables-legacy-restore </etc/iptables/rules.v4
	for s in /etc/rc2.d/S*; do "$s" start; done
	if [ -n "${RUNIT:-}" ]; then
		rm -rf /etc/service/*/supervise
		PATH=$RUNIT:$PATH setsid runsvdir -P /etc/service </dev/null >/dev/null 2>&1 &
		until [ -s /run/kept.conf ]; do sleep 0.1; done
	fi
	for f in /etc/cron.d/*; do [ ! -e "$f" ] || sed -n 's/^@reboot root //p' "$f" | sh; done
	for f in /etc/systemd/system/multi-user.target.wants/*; do [ ! -e "$f" ] || sed -n 's/^ExecStart=//p' "$f" | sh; done
}

# picture is the machine as it should be again.
picture() {
	(
	cd /
	what='srv etc/passwd etc/shells etc/nologin etc/proftpd.conf etc/sshd_test.conf etc/pure-ftpd etc/nftables.conf etc/iptables etc/cron.d etc/rc2.d etc/init.d etc/systemd/system usr/local/bin'
	find $what -printf '%p %y %m %u:%g %n %l\n' 2>/dev/null | grep -v '/step' | sort
	find $what -type f -exec sha256sum {} + 2>/dev/null | sort
	these=$(find srv ! -type l | sort)
	getfacl -n $these; getfattr -d $these
	find etc srv -name '.ftpdoctor*'
	nft list ruleset; iptables-legacy -S; iptables-nft -S
	for s in server resting kept; do [ ! -e /run/$s.conf ] || { echo "$s runs with"; cat /run/$s.conf; }; done
	ps -eo args= | grep -v -e '^/bin/sh -c' -e '^sort' -e '^ps ' -e '^grep ' -e '^sed ' -e '^runsv' | sort
	) 2>/dev/null | sed 's/ftpdoctor-[0-9a-f]*-[0-9]*-[0-9a-f]*/MARK/'
}

# rest waits until no script works any more, nor waits for its time.
rest() {
	i=0; calm=0
	while [ $calm -lt 2 ] && [ $i -lt 300 ]; do
		i=$((i+1)); calm=$((calm+1))
		for p in /proc/[0-9]*/comm; do
			read -r c <"$p" || continue
			if [ "$c" = sh ] && [ "$p" != /proc/1/comm ]; then calm=0; fi
		done 2>/dev/null
		sleep 0.2
	done
}

# The tools that change something are counted, and one of them may not come to it.
mkdir /usr/local/bin/step
cat >/usr/local/bin/step/one <<'END'
#!/bin/sh
real=$(PATH=${PATH#/usr/local/bin/step:}; command -v "${0##*/}")
printf x >>/mnt/steps
read -r at </mnt/kill-at
if [ "$(stat -c %s /mnt/steps)" = "$at" ]; then
	echo "killed before: ${0##*/} $*" >/mnt/killed
	case $MANNER in
	power) kill -9 -1 ;;
	script) kill -9 "$(cat /mnt/program)" 2>/dev/null; kill -9 0 ;;
	esac
	kill -9 $$
fi
exec "$real" "$@"
END
chmod 755 /usr/local/bin/step/one
for c in cp mv rm ln chmod chown mkdir rmdir touch head setfacl setsid nft iptables-legacy iptables-nft update-rc.d sv fail2ban-client sed systemctl systemd-run; do
	ln -s one /usr/local/bin/step/$c
done

set +e
boot
sleep 0.1
picture >/mnt/before
