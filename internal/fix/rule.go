package fix

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"ftpdoctor/internal/machine"
)

// Rule inserts a rule into a running firewall, before all others of its chain.
// It carries the plan's ID in its comment, by which it is found again whatever
// happened in between. What makes it last beyond the next start is a change of
// the file from which the firewall is loaded.
type Rule struct {
	Tool  string `json:"tool"`  // nft, iptables, ip6tables, or the last two with -legacy or -nft
	Table string `json:"table"` // for nft with its family: "inet filter"
	Chain string `json:"chain"`
	Match string `json:"match"` // in the tool's own words, with its verdict: "tcp dport 21 accept"
}

func (r *Rule) String() string {
	if r.nft() {
		return "nft insert rule " + r.Table + " " + r.Chain + " " + r.Match
	}
	return r.Tool + " -t " + r.Table + " -I " + r.Chain + " " + r.Match
}

func (r *Rule) nft() bool { return r.Tool == "nft" }

// words is what is matched, for the shell.
func (r *Rule) words() string { return machine.Quote(strings.Fields(r.Match)...) }

var (
	ruleTool  = regexp.MustCompile(`^(nft|ip6?tables(-legacy|-nft)?)$`)
	ruleWord  = regexp.MustCompile(`^[A-Za-z0-9_.-]+( [A-Za-z0-9_.-]+)?$`)
	ruleMatch = regexp.MustCompile(`^[A-Za-z0-9_.,:/{}@!<>= +-]+$`)
)

func (r *Rule) look(ctx context.Context, m *machine.Machine) error {
	if !ruleTool.MatchString(r.Tool) || !ruleWord.MatchString(r.Table) || !ruleWord.MatchString(r.Chain) || !ruleMatch.MatchString(r.Match) {
		return errors.New("not a rule of a firewall")
	}
	out, err := m.Change(ctx, prelude+r.list())
	if err != nil {
		return err
	}
	if out.Exit != 0 {
		return fmt.Errorf("there is no such chain: %s", strings.TrimSpace(string(out.Stderr)))
	}
	return nil
}

// list prints the chain.
func (r *Rule) list() string {
	if r.nft() {
		return "nft -a list chain " + r.Table + " " + r.Chain
	}
	return r.Tool + " -w 5 -t " + r.Table + " -S " + r.Chain
}

func (r *Rule) check(int) string {
	return r.list() + " >/dev/null 2>&1 || refuse changed " + machine.Quote(r.Table+" "+r.Chain) + "\n"
}

// save keeps nothing: the rule itself is what is to be taken away.
func (r *Rule) save(int) string { return "" }

// ruleTag stands in the rule's comment; the shell puts the plan's ID in.
const ruleTag = "ftpdoctor-$id-"

// comment is the tag, in the tool's own words, for a script.
func (r *Rule) comment(n int) string {
	if r.nft() {
		return fmt.Sprintf("comment \\\"%s%d\\\"", ruleTag, n)
	}
	return fmt.Sprintf("-m comment --comment \"%s%d\"", ruleTag, n)
}

// act notes the rule as the tool lists it, and how many like it there are beside
// it: after the next start of the machine it may come from the file.
func (r *Rule) act(n int) string {
	what := machine.Quote(r.String())
	insert, plain := fmt.Sprintf("%s -w 5 -t %s -I %s %s %s", r.Tool, r.Table, r.Chain, r.words(), r.comment(n)), `s/ -m comment --comment \"*`+ruleTag+`%[1]d\"*//p`
	if r.nft() {
		insert, plain = fmt.Sprintf("nft \"insert rule %s %s %s %s\"", r.Table, r.Chain, r.Match, r.comment(n)), `s/^[[:space:]]*\(.*\) comment \"`+ruleTag+`%[1]d\" # handle .*/\1/p`
	}
	return fmt.Sprintf(`%[2]s >&2 || refuse failed %[3]s
%[4]s | sed -n "`+plain+`" | head -n 1 >"$dir/rule-%[1]d"
rule=$(cat "$dir/rule-%[1]d")
%[5]s | grep -c . >"$dir/rules-%[1]d"
sync_file "$dir/rule-%[1]d"; sync_file "$dir/rules-%[1]d"
`, n, insert, what, r.list(), r.alike())
}

// alike prints the handles of the rules that read like $rule, or with iptables
// the rules themselves.
func (r *Rule) alike() string {
	if r.nft() {
		return r.list() + ` | while read -r line; do case $line in "$rule # handle "*) echo "${line##* }" ;; esac; done`
	}
	return r.list() + ` | grep -xF -e "$rule"`
}

// undo takes away every rule with the tag; a chain that is gone has none.
func (r *Rule) undo(n int) string {
	var tagged, one string
	if r.nft() {
		tagged = fmt.Sprintf("for h in $(%s 2>/dev/null | sed -n \"s/.*%s # handle \\([0-9]*\\)\\$/\\1/p\"); do nft delete rule %s %s handle \"$h\" || failed=1; done\n",
			r.list(), r.comment(n), r.Table, r.Chain)
		one = fmt.Sprintf("nft delete rule %s %s handle \"$(%s | head -n 1)\"", r.Table, r.Chain, r.alike())
	} else {
		spec := r.Chain + " " + r.words() + " " + r.comment(n)
		tagged = fmt.Sprintf("i=0; while [ $i -lt 9 ] && %[1]s -w 5 -t %[2]s -C %[3]s 2>/dev/null; do %[1]s -w 5 -t %[2]s -D %[3]s || failed=1; i=$((i+1)); done\n", r.Tool, r.Table, spec)
		one = fmt.Sprintf("%s -w 5 -t %s -D ${rule#-A }", r.Tool, r.Table)
	}
	return tagged + fmt.Sprintf(`rule=$(cat "$dir/rule-%[1]d" 2>/dev/null); most=$(cat "$dir/rules-%[1]d" 2>/dev/null)
if [ $rebooted = yes ] && [ -n "$rule" ] && [ -n "$most" ]; then
	i=0; while [ $i -lt 9 ] && [ "$(%[2]s | grep -c .)" -gt "$most" ]; do %[3]s || failed=1; i=$((i+1)); done
fi
`, n, r.alike(), one)
}

// Command asks another program to change what it keeps itself: ufw, firewalld,
// fail2ban. What it kept before is that program's to bring back.
type Command struct {
	Do   []string `json:"do"`
	Undo []string `json:"undo"`
	// Done is a command that succeeds if what Do does is so already. A plan for
	// what is so is refused, and undo does nothing to what is not.
	Done []string `json:"done"`
}

func (c *Command) String() string { return machine.Quote(c.Do...) }

func (c *Command) look(ctx context.Context, m *machine.Machine) error {
	if len(c.Do) == 0 || len(c.Undo) == 0 || len(c.Done) == 0 {
		return errors.New("a command without its reverse")
	}
	out, err := m.Change(ctx, prelude+"if ! command -v "+machine.Quote(c.Do[0])+" >/dev/null; then exit 127; fi\n"+machine.Quote(c.Done...)+" >/dev/null 2>&1")
	switch {
	case err != nil:
		return err
	case out.Exit == 127:
		return errors.New(c.Do[0] + " is not there")
	case out.Exit == 0:
		return ErrSame
	}
	return nil
}

func (c *Command) check(int) string {
	return fmt.Sprintf("if %s >/dev/null 2>&1; then refuse changed %s; fi\n", machine.Quote(c.Done...), machine.Quote(c.String()))
}
func (c *Command) save(int) string { return "" }
func (c *Command) act(int) string {
	return fmt.Sprintf("%s >&2 || refuse failed %s\n", machine.Quote(c.Do...), machine.Quote(c.String()))
}

func (c *Command) undo(int) string {
	return fmt.Sprintf("if %s >/dev/null 2>&1; then %s || failed=1; fi\n", machine.Quote(c.Done...), machine.Quote(c.Undo...))
}
