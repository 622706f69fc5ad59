package firewall

import (
	"strings"
)

// Owner is the program that made a rule, as far as names tell, and where its
// rules are edited.
type Owner struct {
	Tool   string   // "ufw", "firewalld", "fail2ban", "docker", "nftables", "iptables" …
	Detail string   // the zone, jail or chain of that tool; may be empty
	Files  []string // candidates, the most likely first; empty: rules are made at run time
}

// owner tells by the names of tables, chains and targets whose rule it is.
func owner(t *table, r *Rule) Owner {
	names := append([]string{r.Chain}, r.targets...)
	if _, ok := t.chains[map[Family]string{IP: "ufw-", IP6: "ufw6-"}[r.Family]+"user-input"]; ok && r.Number == 0 {
		return Owner{Tool: "ufw", Detail: "default policy", Files: []string{"/etc/default/ufw"}}
	}
	if r.Family == Inet || r.Family == IP || r.Family == IP6 {
		if o, ok := ownerOfTable(r); ok {
			return o
		}
	}
	for _, n := range names {
		if o, ok := ownerOfChain(t, n, r); ok {
			return o
		}
	}
	if r.Source == NFT {
		return Owner{Tool: "nftables", Files: []string{"/etc/nftables.conf", "/etc/sysconfig/nftables.conf"}}
	}
	if r.Family == IP6 {
		return Owner{Tool: "ip6tables", Files: []string{"/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"}}
	}
	return Owner{Tool: "iptables", Files: []string{"/etc/iptables/rules.v4", "/etc/sysconfig/iptables"}}
}

// ownerOfTable knows tables that programs keep to themselves.
func ownerOfTable(r *Rule) (Owner, bool) {
	switch {
	case r.Source != NFT:
	case r.Table == "firewalld":
		o, ok := firewalldOwner(r.Chain)
		if !ok {
			o = Owner{Tool: "firewalld", Files: []string{"/etc/firewalld/firewalld.conf"}}
		}
		return o, true
	case r.Table == "f2b-table":
		o := Owner{Tool: "fail2ban", Files: fail2banFiles}
		for _, target := range r.targets {
			if jail, ok := cutEither(target, "@addr-set-", "@addr6-set-"); ok {
				o.Detail = "jail " + jail
			}
		}
		return o, true
	case strings.HasPrefix(r.Table, "crowdsec"):
		return Owner{Tool: "crowdsec", Detail: "cscli decisions list"}, true
	case r.Table == "sshguard":
		return Owner{Tool: "sshguard", Files: []string{"/etc/sshguard/sshguard.conf"}}, true
	case r.Table == "docker-bridges":
		return Owner{Tool: "docker", Detail: "published ports"}, true
	case r.Table == "netavark":
		return Owner{Tool: "podman", Detail: "published ports"}, true
	case r.Table == "incus" || r.Table == "lxd":
		return Owner{Tool: r.Table}, true
	case r.Table == "fw4":
		return Owner{Tool: "OpenWrt firewall", Files: []string{"/etc/config/firewall"}}, true
	}
	return Owner{}, false
}

var fail2banFiles = []string{"/etc/fail2ban/jail.local", "/etc/fail2ban/jail.d/"}

// chainOwners are beginnings of chain names that only one program uses.
var chainOwners = []struct {
	begins string
	owner  Owner
}{
	{"DOCKER-USER", Owner{Tool: "docker", Detail: "DOCKER-USER, the administrator's own rules"}},
	{"DOCKER", Owner{Tool: "docker", Detail: "published ports"}},
	{"KUBE-", Owner{Tool: "kubernetes"}},
	{"cali-", Owner{Tool: "calico"}},
	{"CNI-", Owner{Tool: "container network (CNI)"}},
	{"NETAVARK", Owner{Tool: "podman", Detail: "published ports"}},
	{"LIBVIRT_", Owner{Tool: "libvirt"}},
	{"CROWDSEC", Owner{Tool: "crowdsec", Detail: "cscli decisions list"}},
	{"sshguard", Owner{Tool: "sshguard", Files: []string{"/etc/sshguard/sshguard.conf"}}},
	{"ts-", Owner{Tool: "tailscale"}},
	{"DENYIN", Owner{Tool: "csf", Files: []string{"/etc/csf/csf.deny"}}},
	{"DENYOUT", Owner{Tool: "csf", Files: []string{"/etc/csf/csf.deny"}}},
	{"ALLOWIN", Owner{Tool: "csf", Files: []string{"/etc/csf/csf.allow"}}},
	{"ALLOWOUT", Owner{Tool: "csf", Files: []string{"/etc/csf/csf.allow"}}},
	{"LOCALINPUT", Owner{Tool: "csf", Files: []string{"/etc/csf/csf.conf"}}},
}

func ownerOfChain(t *table, name string, r *Rule) (Owner, bool) {
	name = strings.TrimPrefix(name, "@")
	for _, c := range chainOwners {
		if strings.HasPrefix(name, c.begins) {
			return c.owner, true
		}
	}
	for _, begins := range []string{"f2b-", "fail2ban-", "addr-set-", "addr6-set-"} {
		if jail, ok := strings.CutPrefix(name, begins); ok {
			return Owner{Tool: "fail2ban", Detail: "jail " + jail, Files: fail2banFiles}, true
		}
	}
	if rest, ok := cutEither(name, "ufw6-", "ufw-"); ok {
		return ufwOwner(rest, r.Family == IP6), true
	}
	if _, ok := t.chains["INPUT_ZONES"]; ok {
		return firewalldOwner(name)
	}
	return Owner{}, false
}

func cutEither(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, p); ok {
			return rest, true
		}
	}
	return s, false
}

// ufwOwner knows which file of ufw a chain is made of (ufw-framework(8)).
func ufwOwner(chain string, six bool) Owner {
	suffix := ".rules"
	if six {
		suffix = "6.rules"
	}
	o := Owner{Tool: "ufw", Detail: "ufw-" + chain}
	switch {
	case strings.HasPrefix(chain, "user"):
		o.Files = []string{"/etc/ufw/user" + suffix}
	case strings.HasPrefix(chain, "after"):
		o.Files = []string{"/etc/ufw/after" + suffix}
	case strings.HasPrefix(chain, "before"), chain == "not-local":
		o.Files = []string{"/etc/ufw/before" + suffix}
	default: // reject-, track-, skip-to-policy-, logging: made from the defaults
		o.Files = []string{"/etc/default/ufw"}
	}
	return o
}

// firewalldOwner reads the names that firewalld gives to chains: filter_IN_public_allow
// in nftables, IN_public_allow in iptables; policies have "policy_" in them.
func firewalldOwner(chain string) (Owner, bool) {
	name, _ := cutEither(chain, "filter_", "nat_", "mangle_", "raw_")
	switch {
	case strings.HasSuffix(name, "_direct"):
		return Owner{Tool: "firewalld", Detail: "direct rules", Files: []string{"/etc/firewalld/direct.xml"}}, true
	case strings.HasSuffix(name, "_ZONES"), strings.HasSuffix(name, "_ZONES_SOURCE"), strings.HasSuffix(name, "_POLICIES"),
		strings.HasSuffix(name, "_POLICIES_pre"), strings.HasSuffix(name, "_POLICIES_post"):
		return Owner{Tool: "firewalld", Detail: "which zone an interface or source is in", Files: []string{"/etc/firewalld/zones/"}}, true
	}
	rest, ok := cutEither(name, "IN_", "FWDI_", "FWDO_", "FWD_", "PRE_", "POST_", "OUT_")
	if !ok {
		return Owner{}, false
	}
	for _, part := range []string{"_log", "_deny", "_allow", "_pre", "_post"} {
		rest = strings.TrimSuffix(rest, part)
	}
	if policy, ok := strings.CutPrefix(rest, "policy_"); ok {
		file := "firewalld/policies/" + policy + ".xml"
		return Owner{Tool: "firewalld", Detail: "policy " + policy, Files: []string{"/etc/" + file, "/usr/lib/" + file}}, true
	}
	file := "firewalld/zones/" + rest + ".xml"
	return Owner{Tool: "firewalld", Detail: "zone " + rest, Files: []string{"/etc/" + file, "/usr/lib/" + file}}, true
}
