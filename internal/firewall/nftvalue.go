package firewall

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
)

// kind is how nft writes the values of a field.
type kind uint8

const (
	kNumber kind = iota
	kIPv4
	kIPv6
	kPort
	kProtocol
	kState
	kStatus
	kDirection
	kFlags
	kICMP
	kICMPCode
	kICMPv6
	kICMPv6Code
	kFamily
	kEther
	kPacketType
	kAddressType
	kName   // an interface, by name
	kDevice // an interface, by index; printed by name, without wildcards
	kWord   // any word
	kExists // true or false
	kUnmodelled
)

var kindNames = [...][]named{
	kPort: serviceNames, kProtocol: protocols, kState: stateNames, kStatus: statusNames,
	kDirection: directionNames, kFlags: flagNames, kICMP: icmpNames, kICMPCode: icmpCodeNames, kICMPv6: icmpv6Names,
	kICMPv6Code: icmpv6CodeNames, kFamily: familyNames, kEther: etherNames, kPacketType: packetTypeNames,
	kAddressType: addressTypeNames, kUnmodelled: nil,
}

// bits tells whether a value of the kind is a set of bits.
func (k kind) bits() bool { return k == kState || k == kStatus || k == kFlags }

// scalar reads one number.
func (k kind) scalar(v any) (value, bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := strconv.ParseUint(v.String(), 10, 64)
		return num(n), err == nil
	case bool:
		if v {
			return num(1), true
		}
		return num(0), true
	case string:
		return k.parse(v)
	case []any:
		return k.union(v)
	case object:
		if op, parts := only(v); op == "|" {
			return k.union(list(parts))
		}
	}
	return value{}, false
}

// union reads bits that are set together.
func (k kind) union(parts []any) (value, bool) {
	var out value
	for _, p := range parts {
		v, ok := k.scalar(p)
		if !ok {
			return value{}, false
		}
		out = out.or(v)
	}
	return out, len(parts) > 0
}

func (k kind) parse(s string) (value, bool) {
	switch k {
	case kIPv4, kIPv6:
		a, err := netip.ParseAddr(s)
		if err != nil || a.Is4() != (k == kIPv4) || a.Zone() != "" {
			return value{}, false
		}
		return addressValue(a), true
	case kName, kDevice, kWord, kExists, kUnmodelled:
		return value{}, false
	}
	if n, ok := numberOf(kindNames[k], s); ok {
		return num(n), true
	}
	n, err := strconv.ParseUint(s, 0, 64)
	return num(n), err == nil
}

// dim reads what one part of an element allows.
func (k kind) dim(v any) (dim, bool) {
	switch k {
	case kUnmodelled:
		return dim{}, true // it is hidden, and nobody will look
	case kName, kWord, kDevice, kExists:
		return k.word(v)
	}
	if o, ok := v.(object); ok {
		switch op, inner := only(o); op {
		case "prefix":
			p, _ := inner.(object)
			a, err := netip.ParseAddr(str(p["addr"]))
			bits := int(integer(p["len"]))
			if err != nil || bits < 0 || bits > a.BitLen() || k != kIPv4 && k != kIPv6 || a.Is4() != (k == kIPv4) {
				return dim{}, false
			}
			return dim{span: prefixSpan(netip.PrefixFrom(a, bits))}, true
		case "range":
			ends := list(inner)
			if len(ends) != 2 {
				return dim{}, false
			}
			lo, ok1 := k.scalar(ends[0])
			hi, ok2 := k.scalar(ends[1])
			// nft makes one "range" of comparisons of two fields that stand side by
			// side, and then its ends may be crossed.
			if !ok1 || !ok2 || hi.less(lo) {
				return dim{}, false
			}
			return dim{span: span{lo, hi}}, true
		}
	}
	n, ok := k.scalar(v)
	return dim{span: single(n)}, ok
}

func (k kind) word(v any) (dim, bool) {
	switch w := v.(type) {
	case bool:
		return dim{isText: true, text: map[bool]string{true: "exists", false: "missing"}[w]}, k == kExists
	case string:
		if k == kExists {
			return dim{}, false
		}
		if k == kDevice {
			if _, err := strconv.Atoi(w); err == nil {
				return dim{}, false // the index of an interface that is not there
			}
			return dim{isText: true, text: w}, true
		}
		if begins, ok := strings.CutSuffix(w, "*"); ok && k == kName {
			if escaped, ok := strings.CutSuffix(begins, `\`); ok {
				return dim{isText: true, text: escaped + "*"}, true
			}
			return dim{isText: true, text: begins, prefix: true}, true
		}
		return dim{isText: true, text: w}, true
	}
	return dim{}, false
}

// elements reads the elements of a set, named or not. For a map each is a pair,
// and data receives the second of each.
func elements(all []any, kinds []kind, isMap bool) compiledSet {
	var out []element
	var data []any
	catchall, unread := -1, ""
	for _, v := range all {
		index := 0
		if isMap {
			pair := list(v)
			if len(pair) != 2 {
				unread = nftExpr(v)
				continue
			}
			v, index = pair[0], len(data)
			data = append(data, pair[1])
		}
		e := element{index: index}
		if k, inner := only(v); k == "elem" {
			d, _ := inner.(object)
			for _, rate := range []string{"limit", "quota", "ct count"} {
				if _, ok := d[rate]; ok {
					e.hangs = rate + " of a set's element"
				}
			}
			v = d["val"]
		}
		if v == "*" {
			catchall = index
			continue
		}
		parts := []any{v}
		if k, inner := only(v); k == "concat" {
			parts = list(inner)
		}
		if len(parts) != len(kinds) {
			unread = nftExpr(v)
			continue
		}
		ok := true
		for i, p := range parts {
			d, read := kinds[i].dim(p)
			e.dims, ok = append(e.dims, d), ok && read
		}
		if !ok {
			unread = nftExpr(v)
			continue
		}
		out = append(out, e)
	}
	return compiledSet{newLookup(out, catchall, unread), data}
}
