package firewall

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
)

// nft leaves out of a listing what it deems implied by the rest of the rule. It
// goes too far with `reject with tcp reset` in a table of both families: the
// condition on the family before it is left out as well, so that a rule for
// IPv6 alone and one for both are listed alike (seen in nft 1.0.6). The kernel's
// instructions, which nft prints with --debug=netlink, still have it.

// Hides tells whether the listing has rules whose address family cannot be
// seen. ParseNFT gets to know it from what `nft --debug=netlink list ruleset`
// prints; without, verdicts that hang on it are Unknown.
func (rs *Ruleset) Hides() bool { return rs.hides }

// ruleID is where a rule stands.
type ruleID struct {
	family, table, chain string
	handle               int
}

// hiddenFamilies reads the kernel's instructions: which family a rule's
// instructions ask for last. A rule that asks for none has an empty one.
func hiddenFamilies(code []byte) map[ruleID]Family {
	found := map[ruleID]Family{}
	var at ruleID
	loaded := "" // the register with the packet's family
	lines := bufio.NewScanner(bytes.NewReader(code))
	for lines.Scan() {
		line := lines.Text()
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || !strings.HasPrefix(line, " "):
			at, loaded = ruleID{}, ""
			if len(words) == 4 || len(words) == 5 { // family, table, chain, handle and perhaps the one before
				if n, err := strconv.Atoi(words[3]); err == nil {
					at = ruleID{words[0], words[1], words[2], n}
					found[at] = ""
				}
			}
		case at.handle == 0 || words[0] != "[":
		case len(words) >= 7 && words[1] == "meta" && words[2] == "load":
			loaded = ""
			if words[3] == "nfproto" || words[3] == "protocol" {
				loaded = words[6]
			}
		case len(words) >= 6 && words[1] == "cmp" && words[2] == "eq" && words[4] == loaded:
			switch words[5] { // in the byte order of the machine
			case "0x00000002", "0x02000000", "0x00000008", "0x00080000", "0x00000800", "0x08000000":
				found[at] = IP
			case "0x0000000a", "0x0a000000", "0x0000dd86", "0xdd860000", "0x000086dd", "0x86dd0000":
				found[at] = IP6
			}
		}
	}
	return found
}
