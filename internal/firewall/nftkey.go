package firewall

import "strings"

// left reads the fields that a statement looks at, and how their values are
// written.
func (p *exprParser) left(v any) ([]key, []kind) {
	name, inner := only(v)
	if name == "concat" {
		var keys []key
		var kinds []kind
		for _, part := range list(inner) {
			k, kd := fieldOf(part)
			keys, kinds = append(keys, k), append(kinds, kd)
		}
		if len(keys) > 0 {
			return keys, kinds
		}
	}
	k, kd := fieldOf(v)
	return []key{k}, []kind{kd}
}

// fieldOf reads one field, perhaps under a mask.
func fieldOf(v any) (key, kind) {
	name, inner := only(v)
	d, _ := inner.(object)
	unmodelled := key{field: fNone, why: nftExpr(v)}
	switch name {
	case "&":
		parts := list(inner)
		if len(parts) != 2 {
			return unmodelled, kUnmodelled
		}
		k, kd := fieldOf(parts[0])
		mask, ok := kd.scalar(parts[1])
		if !ok || k.masked || k.field == fNone {
			k.field, k.why = fNone, nftExpr(v)
			return k, kUnmodelled
		}
		k.masked, k.mask = true, mask
		return k, kd
	case "payload":
		return payload(str(d["protocol"]), str(d["field"]), nftExpr(v))
	case "meta":
		return metaField(str(d["key"]), nftExpr(v))
	case "ct":
		return ctField(str(d["key"]), str(d["dir"]), nftExpr(v))
	case "fib":
		return fibField(str(d["result"]), words(d["flags"]), nftExpr(v))
	case "exthdr", "ip option":
		// A packet is whole and plain here: no fragments, no options.
		k := key{field: fExtension, family: IP6}
		if name == "ip option" {
			k.family = IP
		}
		if d["field"] == nil {
			return k, kExists
		}
		k.family = "none"
		return k, kUnmodelled
	case "tcp option":
		unmodelled.proto = TCP
	}
	return unmodelled, kUnmodelled
}

// payload reads a field of a header. The header is a condition of its own,
// which nft does not print.
func payload(protocol, field, text string) (key, kind) {
	none := key{field: fNone, why: text}
	switch protocol {
	case "ip", "ip6":
		f := Family(protocol)
		none.family = f
		addresses := map[Family]kind{IP: kIPv4, IP6: kIPv6}[f]
		switch field {
		case "saddr":
			return key{field: fSource, family: f}, addresses
		case "daddr":
			return key{field: fDestination, family: f}, addresses
		case "protocol", "nexthdr":
			return key{field: fProtocol, family: f}, kProtocol
		}
		return none, kUnmodelled
	case "icmp", "icmpv6":
		out := key{proto: ICMP, family: IP}
		types, codes := kICMP, kICMPCode
		if protocol == "icmpv6" {
			out = key{proto: ICMPv6, family: IP6}
			types, codes = kICMPv6, kICMPv6Code
		}
		switch field {
		case "type":
			out.field = fType
			return out, types
		case "code":
			out.field = fCode
			return out, codes
		}
		out.why = text
		return out, kUnmodelled
	case "th":
		switch field {
		case "sport":
			return key{field: fSourcePort, transport: true}, kPort
		case "dport":
			return key{field: fDestinationPort, transport: true}, kPort
		}
		return none, kUnmodelled
	}
	n, ok := numberOf(protocols, protocol)
	if !ok {
		return none, kUnmodelled
	}
	none.proto = Proto(n)
	switch {
	case field == "sport" && hasPorts(Proto(n)):
		return key{field: fSourcePort, proto: Proto(n)}, kPort
	case field == "dport" && hasPorts(Proto(n)):
		return key{field: fDestinationPort, proto: Proto(n)}, kPort
	case field == "flags" && protocol == "tcp":
		return key{field: fTCPFlags, proto: TCP}, kFlags
	}
	return none, kUnmodelled
}

func metaField(name, text string) (key, kind) {
	switch name {
	case "l4proto":
		return key{field: fProtocol}, kProtocol
	case "nfproto":
		return key{field: fFamily}, kFamily
	case "protocol":
		return key{field: fEtherType}, kEther
	case "mark":
		return key{field: fMark}, kNumber
	case "iifname":
		return key{field: fIn}, kName
	case "oifname":
		return key{field: fOut}, kName
	case "iif":
		return key{field: fIn}, kDevice
	case "oif":
		return key{field: fOut}, kDevice
	case "pkttype":
		return key{field: fPacketType}, kPacketType
	}
	return key{field: fNone, why: text}, kUnmodelled
}

func ctField(name, direction, text string) (key, kind) {
	reply := direction == "reply"
	family, what, found := strings.Cut(name, " ")
	if !found {
		family, what = "", name
	}
	addresses := kUnmodelled
	switch family {
	case "ip":
		addresses = kIPv4
	case "ip6":
		addresses = kIPv6
	}
	switch {
	case direction == "":
	case what == "saddr" && addresses != kUnmodelled:
		return key{field: fConnSource, family: Family(family), reply: reply}, addresses
	case what == "daddr" && addresses != kUnmodelled:
		return key{field: fConnDestination, family: Family(family), reply: reply}, addresses
	case what == "proto-src":
		return key{field: fConnSourcePort, reply: reply}, kPort
	case what == "proto-dst":
		return key{field: fConnDestinationPort, reply: reply}, kPort
	}
	switch name {
	case "state":
		return key{field: fState}, kState
	case "status":
		return key{field: fStatus}, kStatus
	case "mark":
		return key{field: fConnMark}, kNumber
	case "direction":
		return key{field: fDirection}, kDirection
	case "helper":
		return key{field: fHelper}, kWord
	case "protocol":
		return key{field: fConnProtocol}, kProtocol
	case "l3proto":
		return key{field: fConnFamily}, kFamily
	}
	return key{field: fNone, why: text}, kUnmodelled
}

// fibField reads a question to the routing table.
func fibField(result string, flags []string, text string) (key, kind) {
	about, onDevice, other := "", false, false
	for _, f := range flags {
		switch f {
		case "saddr", "daddr":
			about = f
		case "iif":
			onDevice = true
		case "mark":
		default:
			other = true
		}
	}
	switch {
	case other:
	case result == "type" && about == "daddr":
		return key{field: fDestinationType, onDevice: onDevice}, kAddressType
	case result == "type" && about == "saddr":
		return key{field: fSourceType, onDevice: onDevice}, kAddressType
	case (result == "oif" || result == "oifname") && about == "saddr" && onDevice:
		return key{field: fReversePath}, kExists
	}
	return key{field: fNone, why: text}, kUnmodelled
}
