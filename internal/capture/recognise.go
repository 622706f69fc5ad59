package capture

import (
	"bytes"
	"slices"
	"time"

	"ftpdoctor/internal/ftp"
)

// recognise tells by the first bytes of either side whose dialogue it is.
// nil: nobody's that is read here.
func recognise(a *Analysis, c *conn, from side, first []byte) dialogue {
	if c.expected != nil {
		return newData(a, c)
	}
	tls := len(first) > 2 && first[0] == 0x16 && first[1] == 3
	switch {
	case tls:
		d := newTLS(a, c, nil)
		switch c.server.Port() {
		case 990:
			d.role = roleControl
		case 443, 8443:
			d.role = roleWeb
		}
		return d
	case bytes.HasPrefix(first, []byte("SSH-")):
		return newSSH(a, c)
	case from == fromClient && isRequest(first):
		return newHTTP(a, c)
	case from == fromServer && likeHTTP(first) && len(first) > 4:
		return newHTTP(a, c)
	case c.server.Port() == 21 || c.server.Port() == 2121:
		return newFTP(a, c)
	case from == fromServer && len(first) > 3 && digits(first[:3]) && (first[3] == ' ' || first[3] == '-') && ftp.Protocol(first) == "ftp":
		return newFTP(a, c)
	case from == fromClient && isFTPCommand(first):
		return newFTP(a, c)
	case c.server.Port() == 22 || c.server.Port() == 2222:
		return newSSH(a, c)
	}
	return nil
}

var methods = [][]byte{
	[]byte("GET "), []byte("HEAD "), []byte("PUT "), []byte("POST "), []byte("OPTIONS "), []byte("PROPFIND "), []byte("PROPPATCH "),
	[]byte("MKCOL "), []byte("DELETE "), []byte("MOVE "), []byte("COPY "), []byte("LOCK "), []byte("UNLOCK "), []byte("CONNECT "),
}

func isRequest(b []byte) bool {
	return slices.ContainsFunc(methods, func(m []byte) bool { return bytes.HasPrefix(b, m) })
}

var opening = []string{"USER", "PASS", "AUTH", "PASV", "EPSV", "PORT", "EPRT", "FEAT", "SYST", "CWD", "TYPE", "LIST", "NLST", "MLSD", "RETR", "STOR", "PWD", "NOOP", "OPTS", "QUIT"}

// isFTPCommand: a capture that begins within a session.
func isFTPCommand(b []byte) bool {
	l, _, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || len(l) > 512 {
		return false
	}
	verb, _, err := ftp.ParseCommand(l)
	return err == nil && slices.Contains(opening, verb)
}

// dataDialogue is a data connection of FTP.
type dataDialogue struct {
	a     *Analysis
	c     *conn
	tls   *tlsDialogue
	first [2]moment
	last  [2]moment
	head  []byte // the beginning of what crossed in clear: a listing, perhaps
	// content: it is known to be none
	content bool
	bytesOf
}

const (
	maxListing  = 16 << 10 // kept of one data connection
	maxListings = 4 << 20  // and of all
)

// bytesOf counts what was carried, in all and over time.
type bytesOf struct {
	carried [2]int64
	began   instant
	width   time.Duration // of a column
	columns []int64
}

const maxColumns = 120

// add counts bytes in the column of their time; where the columns run out, two
// become one.
func (b *bytesOf) add(at instant, n int64) {
	if b.width == 0 {
		b.began, b.width = at, 10*time.Millisecond
	}
	i := int(max(0, at.Sub(b.began)) / b.width)
	for i >= maxColumns {
		half := make([]int64, 0, maxColumns)
		for k := 0; k < len(b.columns); k += 2 {
			sum := b.columns[k]
			if k+1 < len(b.columns) {
				sum += b.columns[k+1]
			}
			half = append(half, sum)
		}
		b.columns, b.width = half, 2*b.width
		i = int(at.Sub(b.began) / b.width)
	}
	if i >= cap(b.columns) && cap(b.columns) > 0 {
		b.columns = slices.Grow(b.columns, maxColumns-len(b.columns)) // it lasts
	}
	for len(b.columns) <= i {
		b.columns = append(b.columns, 0)
	}
	b.columns[i] += n
}

func newData(a *Analysis, c *conn) *dataDialogue { return &dataDialogue{a: a, c: c} }

func (d *dataDialogue) bytes(m moment, from side, b []byte) {
	if d.carried == [2]int64{} && len(b) > 2 && b[0] == 0x16 && b[1] == 3 {
		d.tls = newTLS(d.a, d.c, nil)
		d.tls.role = roleData
	}
	d.count(m, from, int64(len(b)))
	if n := min(len(b), maxListing-len(d.head), maxListings-d.a.listed); n > 0 && d.tls == nil && !d.content {
		if d.content = d.carriesContent(); d.content {
			return
		}
		d.head = append(d.head, b[:n]...)
		d.a.listed += n
	}
	if d.tls != nil {
		d.tls.bytes(m, from, b)
	}
}

// carriesContent tells whether the control connection asked for a file, of which
// nothing has to be kept.
func (d *dataDialogue) carriesContent() bool {
	if d.c.expected == nil {
		return false
	}
	t := d.c.expected.from.last()
	return t != nil && t.expected == d.c.expected && slices.Contains([]string{"RETR", "STOR", "STOU", "APPE"}, t.verb)
}

func (d *dataDialogue) count(m moment, from side, n int64) {
	if d.first[from].packet == 0 {
		d.first[from] = m
	}
	d.last[from] = m
	d.carried[from] += n
	d.add(m.at, n)
}

func (d *dataDialogue) gap(m moment, from side, n int64) {
	d.count(m, from, n)
	if d.tls != nil {
		d.tls.gap(m, from, n)
	}
}

func (d *dataDialogue) end(m moment) {
	if d.tls != nil {
		d.tls.end(m)
	}
}
