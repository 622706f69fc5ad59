package lint

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// The directives that each server knows, taken from the programs themselves:
// each name was given to the program, which tells whether it knows it, what
// kind of value it wants, how many and where. Versions are those of Debian 12,
// vsftpd 3.0.3, ProFTPD 1.3.8, Pure-FTPd 1.0.50, OpenSSH 9.2; what is newer has
// its version beside it. One directive a line, columns divided by blanks.
var (
	//go:embed directives/vsftpd.txt
	vsftpdTable string // name, bool|number|string, default, version that brought it
	//go:embed directives/proftpd.txt
	// name, module, fewest and most parameters (a list: these numbers alone; even or
	// odd: in pairs), contexts, bool, version
	proftpdTable string
	//go:embed directives/pureftpd.txt
	pureftpdTable string // name, form of the value, optional: not in every build
	//go:embed directives/pureftpd-dir.txt
	pureftpdDirTable string // file, form of the value
	//go:embed directives/sshd.txt
	sshdTable string // name, match: also in Match; one|many arguments, form, version, today's name
)

// known is one directive.
type known struct {
	name string
	cols []string // the columns behind the name
}

func (k known) col(i int) string {
	if i < len(k.cols) && k.cols[i] != "-" {
		return k.cols[i]
	}
	return ""
}

// table is a list of directives.
type table struct {
	byName map[string]known // in small letters, but for vsftpd, which minds the case
	names  []string
	exact  bool
}

func (t *table) find(name string) (known, bool) {
	if !t.exact {
		name = strings.ToLower(name)
	}
	k, ok := t.byName[name]
	return k, ok
}

func readTable(s string, exact bool) *table {
	t := &table{byName: map[string]known{}, exact: exact}
	for line := range strings.Lines(s) {
		cols := strings.Fields(line)
		if len(cols) == 0 {
			continue
		}
		key := cols[0]
		if !exact {
			key = strings.ToLower(key)
		}
		t.byName[key] = known{cols[0], cols[1:]}
		t.names = append(t.names, cols[0])
	}
	slices.Sort(t.names)
	return t
}

var (
	vsftpdKnown      = sync.OnceValue(func() *table { return readTable(vsftpdTable, true) })
	proftpdKnown     = sync.OnceValue(func() *table { return readTable(proftpdTable, false) })
	pureftpdKnown    = sync.OnceValue(func() *table { return readTable(pureftpdTable, false) })
	pureftpdDirKnown = sync.OnceValue(func() *table { return readTable(pureftpdDirTable, true) })
	sshdKnown        = sync.OnceValue(func() *table { return readTable(sshdTable, false) })
)
