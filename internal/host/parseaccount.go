package host

import (
	"slices"
	"strconv"
	"strings"
)

// passwdEntry is a line of passwd(5), of getent, or of a server's own user file.
type passwdEntry struct {
	Name, Password, Home, Shell string
	UID, GID                    int
	Line                        int // in its file, from 1
}

// parsePasswd reads passwd(5); what is no account is left out.
func parsePasswd(text string) []passwdEntry {
	var all []passwdEntry
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) < 7 || f[0] == "" || strings.HasPrefix(f[0], "#") || len(all) >= maxRows {
			continue
		}
		uid, err := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err != nil || err2 != nil {
			continue
		}
		all = append(all, passwdEntry{Name: f[0], Password: f[1], UID: uid, GID: gid, Home: f[5], Shell: strings.TrimSpace(f[6]), Line: n})
	}
	return all
}

// accountOf finds an account.
func accountOf(all []passwdEntry, name string) (passwdEntry, bool) {
	i := slices.IndexFunc(all, func(e passwdEntry) bool { return e.Name == name })
	if i < 0 {
		return passwdEntry{}, false
	}
	return all[i], true
}

// parseGroups reads group(5) and gives the groups of a user besides the first.
func parseGroups(text, user string, primary int) (names []string, gids []int) {
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) < 4 {
			continue
		}
		gid, err := strconv.Atoi(f[2])
		if err != nil || gid != primary && !slices.Contains(strings.Split(f[3], ","), user) {
			continue
		}
		if len(names) < maxRows {
			names, gids = append(names, f[0]), append(gids, gid)
		}
	}
	return names, gids
}

// shadowEntry is a line of shadow(5). Days count from 1970; -1: not set.
type shadowEntry struct {
	Password                              string
	Changed, Min, Max, Warn, Idle, Expire int
}

// parseShadow finds a user in shadow(5).
func parseShadow(text, user string) (shadowEntry, bool) {
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) < 8 || f[0] != user {
			continue
		}
		days := func(s string) int {
			n, err := strconv.Atoi(s)
			if err != nil {
				return -1
			}
			return n
		}
		return shadowEntry{f[1], days(f[2]), days(f[3]), days(f[4]), days(f[5]), days(f[6]), days(f[7])}, true
	}
	return shadowEntry{}, false
}

// locked: no password can be right.
func (s shadowEntry) locked() bool {
	return strings.HasPrefix(s.Password, "!") || strings.HasPrefix(s.Password, "*")
}

// parseList reads a file of names, one a line, with comments: shells(5), ftpusers(5),
// a user list. It gives the line of each.
func parseList(text string) map[string]int {
	all := map[string]int{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, _, _ := strings.Cut(strings.TrimSpace(line), "#")
		if name = strings.TrimSpace(name); name != "" && all[name] == 0 && len(all) < maxRows {
			all[name] = n
		}
	}
	return all
}

// pamRule is a line of a PAM service file.
type pamRule struct {
	Kind, Control, Module string
	Args                  []string
	File                  string
	Line                  int
}

// arg is the value of an argument name=value.
func (r pamRule) arg(name string) string {
	for _, a := range r.Args {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			return v
		}
	}
	return ""
}

// parsePAM reads a service file of pam.d(5). A control in brackets has blanks;
// a line that ends with a backslash goes on. An include comes as a rule whose
// module is the file: @include, include and substack.
func parsePAM(file, text string) []pamRule {
	var all []pamRule
	n, pending, start := 0, "", 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if pending == "" {
			start = n
		}
		if head, more := strings.CutSuffix(line, "\\"); more && len(pending) < 1<<16 {
			pending += head + " "
			continue
		}
		line, _, _ = strings.Cut(pending+line, "#")
		pending = ""
		f := pamFields(line)
		switch {
		case len(f) >= 2 && f[0] == "@include":
			all = append(all, pamRule{Control: "include", Module: f[1], File: file, Line: start})
		case len(f) >= 3:
			all = append(all, pamRule{Kind: strings.TrimPrefix(f[0], "-"), Control: f[1], Module: f[2], Args: f[3:], File: file, Line: start})
		}
		if len(all) >= maxRows {
			break
		}
	}
	return all
}

// pamFields splits at blanks, but not within brackets.
func pamFields(s string) []string {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := strings.IndexAny(s, " \t")
		if s[0] == '[' {
			if close := strings.IndexByte(s, ']'); close >= 0 {
				end = close + 1
			}
		}
		if end < 0 || end >= len(s) {
			return append(out, s)
		}
		out = append(out, s[:end])
		s = s[end:]
	}
	return out
}

// quota is what an account may keep on a file system, in blocks of 1 KiB and files.
type quota struct {
	Where                          string
	Blocks, BlocksSoft, BlocksHard int64
	Files, FilesSoft, FilesHard    int64
}

// parseQuota reads `quota -w -p --show-mntpoint …`: a line for each file system:
// device [mount] blocks quota limit grace files quota limit grace. A star marks
// what is over its limit.
func parseQuota(out string) []quota {
	var all []quota
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		var numbers []int64
		first := -1
		for i, x := range f {
			n, err := strconv.ParseInt(strings.TrimSuffix(x, "*"), 10, 64)
			if err != nil {
				if first >= 0 {
					break
				}
				continue
			}
			if first < 0 && i > 0 {
				first = i
			}
			if first >= 0 {
				numbers = append(numbers, n)
			}
		}
		if first < 1 || len(numbers) < 8 || len(all) >= maxRows {
			continue
		}
		all = append(all, quota{f[first-1], numbers[0], numbers[1], numbers[2], numbers[4], numbers[5], numbers[6]})
	}
	return all
}
