package firewall

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// nftText writes a rule as `nft list ruleset` does.
func nftText(statements []any, comment string) string {
	var out []string
	for _, s := range statements {
		out = append(out, nftStatement(s))
	}
	if comment != "" {
		out = append(out, `comment "`+comment+`"`)
	}
	return strings.Join(out, " ")
}

func nftStatement(v any) string {
	k, inner := only(v)
	d, _ := inner.(object)
	switch k {
	case "match":
		op := str(d["op"]) + " "
		if op == "== " || op == "in " {
			op = ""
			if name, _ := only(d["left"]); name == "&" {
				op = "== "
			}
		}
		return nftExpr(d["left"]) + " " + op + nftExpr(d["right"])
	case "vmap":
		return nftExpr(d["key"]) + " vmap " + nftMap(d["data"])
	case "mangle":
		return nftExpr(d["key"]) + " set " + nftExpr(d["value"])
	case "jump", "goto":
		return k + " " + str(d["target"])
	case "counter":
		if d == nil {
			return strings.TrimSpace("counter name " + str(inner))
		}
		return "counter packets " + str(d["packets"]) + " bytes " + str(d["bytes"])
	case "log":
		if p := str(d["prefix"]); p != "" {
			return `log prefix "` + p + `"`
		}
		return "log"
	case "limit":
		if d == nil {
			return "limit name " + str(inner)
		}
		over := ""
		if d["inv"] == true {
			over = "over "
		}
		unit := str(d["rate_unit"])
		if unit == "packets" {
			unit = ""
		}
		return "limit rate " + over + strings.TrimSpace(str(d["rate"])+" "+unit) + "/" + str(d["per"])
	case "reject":
		switch {
		case d == nil || d["type"] == nil:
			return "reject"
		case d["expr"] == nil:
			return "reject with " + str(d["type"])
		}
		return "reject with " + str(d["type"]) + " " + nftExpr(d["expr"])
	case "dnat", "snat", "masquerade", "redirect":
		return nftNAT(k, d)
	case "ct helper", "ct timeout", "ct expectation":
		return k + " set " + nftExpr(inner)
	case "set":
		return str(d["op"]) + " " + str(d["set"]) + " { " + nftExpr(d["elem"]) + " }"
	case "ct count":
		if d["inv"] == true {
			return "ct count over " + str(d["val"])
		}
		return "ct count " + str(d["val"])
	}
	if inner == nil {
		return k
	}
	return strings.TrimSpace(k + " " + nftExpr(inner))
}

func nftNAT(k string, d object) string {
	out := k
	if f := str(d["family"]); f != "" {
		out += " " + f
	}
	addr, port := nftExpr(d["addr"]), nftExpr(d["port"])
	if d["addr"] == nil {
		addr = ""
	}
	if d["port"] != nil {
		if strings.Contains(addr, ":") {
			addr = "[" + addr + "]"
		}
		addr += ":" + port
	}
	if addr != "" {
		out += " to " + addr
	}
	return out
}

// nftMap writes the anonymous or named map of a lookup.
func nftMap(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	_, inner := only(v)
	var out []string
	for _, pair := range list(inner) {
		if p := list(pair); len(p) == 2 {
			data := nftExpr(p[1])
			if k, t := only(p[1]); k == "jump" || k == "goto" {
				d, _ := t.(object)
				data = k + " " + str(d["target"])
			} else if k != "" && t == nil {
				data = k
			}
			out = append(out, nftExpr(p[0])+" : "+data)
		}
	}
	return "{ " + strings.Join(out, ", ") + " }"
}

func joined(v any, sep string) string {
	var out []string
	for _, e := range list(v) {
		out = append(out, nftExpr(e))
	}
	return strings.Join(out, sep)
}

// nftExpr writes an expression.
func nftExpr(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return map[bool]string{true: "exists", false: "missing"}[v]
	case []any:
		return joined(v, ",")
	case object:
		k, inner := only(v)
		d, _ := inner.(object)
		switch k {
		case "payload":
			if p := str(d["protocol"]); p != "" {
				return p + " " + str(d["field"])
			}
			return "@" + str(d["base"]) + "," + str(d["offset"]) + "," + str(d["len"])
		case "meta":
			switch name := str(d["key"]); name {
			case "iif", "iifname", "oif", "oifname":
				return name
			default:
				return "meta " + name
			}
		case "ct":
			return strings.Join(strings.Fields("ct "+str(d["dir"])+" "+str(d["key"])), " ")
		case "fib":
			return "fib " + strings.Join(words(d["flags"]), " . ") + " " + str(d["result"])
		case "concat":
			return joined(inner, " . ")
		case "set":
			return "{ " + joined(inner, ", ") + " }"
		case "prefix":
			return str(d["addr"]) + "/" + str(d["len"])
		case "range":
			return joined(inner, "-")
		case "elem":
			return nftExpr(d["val"])
		case "map":
			return nftExpr(d["key"]) + " map " + nftMap(d["data"])
		case "&", "|", "^", "<<", ">>":
			return joined(inner, " "+k+" ")
		}
		var out []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, strings.TrimSpace(name+" "+nftExpr(v[name])))
		}
		return strings.Join(out, " ")
	}
	return ""
}
