package audit

import "bytes"

// reader reads the lines of one log; every worker has its own.
type reader struct {
	clock   clock
	layout  *layout // of a W3C log: what its columns are
	last    int64   // the time of the line before, for those that continue it
	scratch []byte
	names   [256]asked // what addresses gave as their name
	verbs   [256]asked // what sessions commanded
}

// asked is what somebody said last.
type asked struct {
	hash uint64
	name []byte
}

// asks notes a USER command: a failed login that follows does not repeat the
// name in logs of commands.
func (r *reader) asks(source, name []byte) {
	h := nameHash(source)
	a := &r.names[h%uint64(len(r.names))]
	a.hash, a.name = h, append(a.name[:0], name...)
}

// asked is the name that an address gave last, or nil.
func (r *reader) asked(source []byte) []byte {
	h := nameHash(source)
	if a := &r.names[h%uint64(len(r.names))]; a.hash == h {
		return a.name
	}
	return nil
}

// dialect is one way of writing a log.
type dialect struct {
	name string
	read func(*reader, []byte, *event) kind
	// sessions: who a line is about stands in an earlier line of the same session.
	sessions bool
	// rank: of logs of several kinds, those with the lowest are read first; they
	// say most.
	rank int
	// columns: lines of the log itself say what its columns are.
	columns bool
}

// dialects in the order in which they are asked; of equals the first is taken.
var dialects = []*dialect{
	{name: "vsftpd", read: (*reader).vsftpd},
	{name: "proftpd", read: (*reader).proftpd},
	{name: "syslog", read: (*reader).syslog, sessions: true},
	{name: "journal", read: (*reader).journal, sessions: true},
	{name: "proftpd-modules", read: (*reader).modules, sessions: true},
	{name: "filezilla-server", read: (*reader).filezilla},
	{name: "filezilla-server-0.9", read: (*reader).filezillaOld},
	{name: "xferlog", read: (*reader).xferlog, rank: 2},
	{name: "clf", read: (*reader).clf, rank: 1},
	{name: "w3c", read: (*reader).w3c, columns: true, rank: 1},
	{name: "pure-ftpd-stats", read: (*reader).stats, rank: 2},
	{name: "windows-event-log", read: (*reader).windows, sessions: true},
}

// unrecognised stands for what no dialect can read.
var unrecognised = &dialect{name: "unknown", read: func(*reader, []byte, *event) kind { return unknown }}

// The vote is over this many lines.
const ballot = 400

// recognise finds the dialect of a log by its first lines: each dialect reads
// them, and the one that understands most of them wins. A line of another
// program in a system log counts half, so that a log which begins with such
// lines is known too.
func recognise(data []byte, c clock) (*dialect, *layout) {
	best, most, columns := unrecognised, 0, (*layout)(nil)
	for _, d := range dialects {
		r := &reader{clock: c}
		votes, n := 0, 0
		for rest := data; len(rest) > 0 && n < ballot; n++ {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte{'\n'})
			var e event
			e.reset()
			switch d.read(r, trimCR(line), &e) {
			case known, quiet:
				votes += 2
			case foreign:
				votes++
			}
		}
		if votes > most {
			best, most, columns = d, votes, r.layout
		}
	}
	return best, columns
}

func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// layout is the order of the columns of a W3C log.
type layout struct {
	fields []column
}

type column uint8

// commands notes a command, for logs whose replies do not repeat it.
func (r *reader) commands(session int64, line []byte) {
	a := &r.verbs[uint64(session)%uint64(len(r.verbs))]
	a.hash, a.name = uint64(session), append(a.name[:0], line...)
}

// commanded is the last command of a session, or nil.
func (r *reader) commanded(session int64) []byte {
	if a := &r.verbs[uint64(session)%uint64(len(r.verbs))]; a.hash == uint64(session) {
		return a.name
	}
	return nil
}
