package firewall

// named is a word of the tools and the number that it stands for.
type named struct {
	name   string
	number uint64
}

// protocols by the names of nft and iptables (IANA, /etc/protocols). The first
// of two names of a number is the one that is printed.
var protocols = []named{
	{"tcp", 6},
	{"udp", 17},
	{"icmp", 1},
	{"icmpv6", 58},
	{"ipv6-icmp", 58},
	{"sctp", 132},
	{"dccp", 33},
	{"udplite", 136},
	{"esp", 50},
	{"ah", 51},
	{"gre", 47},
	{"comp", 108},
	{"ipcomp", 108},
	{"igmp", 2},
	{"ipencap", 4},
	{"ipip", 4},
	{"ip", 0},
	{"hopopt", 0},
	{"ipv6", 41},
	{"ospf", 89},
	{"ospfigp", 89},
	{"pim", 103},
	{"vrrp", 112},
	{"l2tp", 115},
	{"egp", 8},
	{"igp", 9},
	{"rsvp", 46},
	{"eigrp", 88},
	{"etherip", 97},
	{"encap", 98},
	{"isis", 124},
	{"mh", 135},
	{"mobility-header", 135},
	{"ipv6-route", 43},
	{"ipv6-frag", 44},
	{"ipv6-nonxt", 59},
	{"ipv6-opts", 60},
	{"ggp", 3},
	{"st", 5},
	{"pup", 12},
	{"hmp", 20},
	{"xns-idp", 22},
	{"rdp", 27},
	{"iso-tp4", 29},
	{"xtp", 36},
	{"ddp", 37},
	{"idpr-cmtp", 38},
	{"idrp", 45},
	{"skip", 57},
	{"rspf", 73},
	{"vmtp", 81},
	{"ax.25", 93},
	{"fc", 133},
	{"mpls-in-ip", 137},
	{"manet", 138},
	{"hip", 139},
	{"shim6", 140},
	{"wesp", 141},
	{"rohc", 142},
	{"ethernet", 143},
}

var stateNames = []named{
	{"invalid", stateInvalid}, {"established", stateEstablished}, {"related", stateRelated}, {"new", stateNew}, {"untracked", stateUntracked},
}

var statusNames = []named{
	{"expected", statusExpected},
	{"seen-reply", statusSeenReply},
	{"assured", statusAssured},
	{"confirmed", statusConfirmed},
	{"snat", statusSNAT},
	{"dnat", statusDNAT},
	{"dying", 512},
}

var directionNames = []named{{"original", 0}, {"reply", 1}}

var flagNames = []named{
	{"fin", 1}, {"syn", 2}, {"rst", 4}, {"psh", 8}, {"ack", 16}, {"urg", 32}, {"ecn", 64}, {"cwr", 128},
}

var familyNames = []named{{"ipv4", 2}, {"ipv6", 10}, {"ip", 2}, {"ip6", 10}}

var etherNames = []named{{"ip", 0x0800}, {"ip6", 0x86dd}, {"arp", 0x0806}, {"vlan", 0x8100}, {"8021q", 0x8100}, {"8021ad", 0x88a8}}

var packetTypeNames = []named{
	{"host", packetHost}, {"unicast", packetHost}, {"broadcast", packetBroadcast}, {"multicast", packetMulticast}, {"other", 3},
}

// addressTypeNames are those of rtnetlink(7); iptables writes them in capitals.
var addressTypeNames = []named{
	{"unspec", 0},
	{"unicast", typeUnicast},
	{"local", typeLocal},
	{"broadcast", typeBroadcast},
	{"anycast", 4},
	{"multicast", typeMulticast},
	{"blackhole", 6},
	{"unreachable", 7},
	{"prohibit", 8},
	{"throw", 9},
	{"nat", 10},
	{"xresolve", 11},
}

// icmpNames are nft's words for types of ICMP (RFC 792, RFC 950).
var icmpNames = []named{
	{"echo-reply", 0},
	{"destination-unreachable", 3},
	{"source-quench", 4},
	{"redirect", 5},
	{"echo-request", 8},
	{"router-advertisement", 9},
	{"router-solicitation", 10},
	{"time-exceeded", 11},
	{"parameter-problem", 12},
	{"timestamp-request", 13},
	{"timestamp-reply", 14},
	{"info-request", 15},
	{"info-reply", 16},
	{"address-mask-request", 17},
	{"address-mask-reply", 18},
}

// icmpv6Names are nft's words for types of ICMPv6 (RFC 4443, RFC 4861, RFC 3810).
var icmpv6Names = []named{
	{"destination-unreachable", 1},
	{"packet-too-big", 2},
	{"time-exceeded", 3},
	{"parameter-problem", 4},
	{"echo-request", 128},
	{"echo-reply", 129},
	{"mld-listener-query", 130},
	{"mld-listener-report", 131},
	{"mld-listener-done", 132},
	{"mld-listener-reduction", 132},
	{"nd-router-solicit", 133},
	{"nd-router-advert", 134},
	{"nd-neighbor-solicit", 135},
	{"nd-neighbor-advert", 136},
	{"nd-redirect", 137},
	{"router-renumbering", 138},
	{"ind-neighbor-solicit", 141},
	{"ind-neighbor-advert", 142},
	{"mld2-listener-report", 143},
}

// icmpCodeNames are nft's words for codes, whatever the type.
var icmpCodeNames = []named{
	{"net-unreachable", 0},
	{"host-unreachable", 1},
	{"prot-unreachable", 2},
	{"port-unreachable", 3},
	{"frag-needed", 4},
	{"net-prohibited", 9},
	{"host-prohibited", 10},
	{"admin-prohibited", 13},
}

var icmpv6CodeNames = []named{
	{"no-route", 0},
	{"admin-prohibited", 1},
	{"addr-unreachable", 3},
	{"port-unreachable", 4},
	{"policy-fail", 5},
	{"reject-route", 6},
}

// serviceNames are the ports that nft may print by name if asked to, as far as
// they matter to file transfer.
var serviceNames = []named{
	{"ftp-data", 20},
	{"ftp", 21},
	{"ssh", 22},
	{"telnet", 23},
	{"smtp", 25},
	{"domain", 53},
	{"tftp", 69},
	{"http", 80},
	{"ntp", 123},
	{"imap2", 143},
	{"snmp", 161},
	{"https", 443},
	{"submission", 587},
	{"ftps-data", 989},
	{"ftps", 990},
	{"imaps", 993},
	{"pop3s", 995},
	{"mysql", 3306},
	{"http-alt", 8080},
	{"mdns", 5353},
	{"bootps", 67},
	{"bootpc", 68},
}

// numberOf looks a word up.
func numberOf(names []named, word string) (uint64, bool) {
	for _, n := range names {
		if n.name == word {
			return n.number, true
		}
	}
	return 0, false
}
