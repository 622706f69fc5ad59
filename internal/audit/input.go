package audit

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Input is one log, plain or compressed by gzip, zstd or bzip2.
type Input struct {
	Name string // for evidence
	Open func() (io.ReadCloser, error)
	// Written is when the log was last written to, which tells the year that a
	// time lacks. Zero: now.
	Written time.Time
	// Live: it can be opened only once, or is still being written.
	Live bool
}

// chunkSize is how much of a log a worker takes at once. It fits into the cache
// of a processor, so that what one system call copies is read there.
const chunkSize = 256 << 10

// ErrCompression is returned for a log compressed in a way that is not read
// here.
var ErrCompression = errors.New("compressed by a program whose format is not read here; unpack it to standard input")

// ErrPause is returned by the reader of a log that is still being written, for
// "that is all for now": what was read so far is worked on.
var ErrPause = errors.New("nothing more for now")

// log is one input while it is read.
type log struct {
	index   int
	name    string
	dialect *dialect
	zone    *time.Location
	written time.Time
	err     error

	mu       sync.Mutex
	lines    []uint32 // of each chunk
	total    uint64
	known    uint64
	foreign  uint64
	unknown  uint64
	examples examples // of unknown lines
	guessed  bool     // a year was guessed
	zoned    bool     // a local time was read
	damage   *Damage  // of a Windows event log
}

// feed hands out the logs in chunks of whole lines.
type feed struct {
	mu      sync.Mutex
	inputs  []Input
	limit   int // of the inputs that may be opened now
	logs    []*log
	zone    *time.Location
	now     time.Time
	current *log
	r       io.Reader
	closers []io.Closer
	carry   []byte // the beginning of a line whose end is not read yet
	skip    bool   // within a line that is too long
	seq     uint32
	order   uint64 // of the chunks of dialects with sessions
	columns *layout
}

// chunk is a piece of a log.
type chunk struct {
	log     *log
	seq     uint32
	order   uint64
	data    []byte
	columns *layout
	pause   bool // nothing follows for now
}

// next fills buf with whole lines of the current log, or of the next one. At
// the end of all it returns false.
func (f *feed) next(buf []byte) (chunk, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if f.current == nil && !f.open() {
			return chunk{}, false
		}
		data, end, pause := f.fill(buf)
		if end {
			defer f.close()
		}
		if len(data) == 0 {
			if end {
				f.close()
			}
			continue
		}
		l := f.current
		if l.dialect == nil {
			data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
			l.dialect, f.columns = recognise(data, clock{zone: f.zone, written: l.written})
		}
		c := chunk{log: l, seq: f.seq, data: data, columns: f.columns, order: f.order, pause: pause}
		f.seq++
		if l.dialect.sessions {
			f.order++
		}
		if l.dialect.columns {
			f.columns = lastLayout(data, f.columns)
		}
		return c, true
	}
}

// fill reads into buf until it is full or the log is at its end, and keeps what
// follows the last line break for the next time.
func (f *feed) fill(buf []byte) (data []byte, end, pause bool) {
	n := copy(buf, f.carry)
	f.carry = f.carry[:0]
	for n < len(buf) {
		k, err := f.r.Read(buf[n:])
		n += k
		if pause = errors.Is(err, ErrPause); pause {
			break
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.current.err = err
			}
			end = true
			break
		}
	}
	data = buf[:n]
	if f.skip {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return nil, end, pause
		}
		data, f.skip = data[i+1:], false
	}
	if end {
		return data, true, false
	}
	i := bytes.LastIndexByte(data, '\n')
	if i < 0 && !pause {
		f.skip = true // the rest of this line is not looked at
		return data, false, false
	}
	f.carry = append(f.carry, data[i+1:]...)
	return data[:i+1], false, pause
}

// open begins the next log that can be opened.
func (f *feed) open() bool {
	for len(f.logs) < f.limit {
		in := f.inputs[len(f.logs)]
		l := &log{index: len(f.logs), name: in.Name, zone: f.zone, written: in.Written}
		if l.written.IsZero() {
			l.written = f.now
		}
		f.logs = append(f.logs, l)
		f.current, f.seq, f.skip, f.columns = l, 0, false, nil
		raw, err := in.Open()
		if err == nil {
			f.closers = append(f.closers, raw)
			f.r, err = f.unpack(raw)
		}
		if err == nil {
			return true
		}
		l.err = err
		f.close()
	}
	return false
}

// unpack looks at the first bytes of a log.
func (f *feed) unpack(raw io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(raw, chunkSize)
	magic, _ := b.Peek(8) // an error comes again with the first read
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return z, nil
	case bytes.HasPrefix(magic, []byte("BZh")):
		return bzip2.NewReader(b), nil
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return unzstd(b, &f.closers)
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z'}), bytes.HasPrefix(magic, []byte{0x04, 0x22, 0x4d, 0x18}):
		return nil, ErrCompression
	case bytes.HasPrefix(magic, eventFileMagic):
		f.current.damage = &Damage{}
		return newEventLog(b, f.current.damage)
	}
	if b.Buffered() == 0 {
		return raw, nil
	}
	head, _ := b.Peek(b.Buffered())
	return io.MultiReader(bytes.NewReader(bytes.Clone(head)), raw), nil // whole chunks go past the buffer
}

func (f *feed) close() {
	for _, c := range slices.Backward(f.closers) {
		c.Close()
	}
	f.closers, f.current, f.r, f.carry = nil, nil, nil, f.carry[:0]
}

// add notes what a worker found in one chunk.
func (l *log) add(c chunk, n count, x examples) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.lines) <= int(c.seq) {
		l.lines = append(l.lines, 0)
	}
	l.lines[c.seq] = n.lines
	l.total += uint64(n.lines)
	l.known += uint64(n.known)
	l.foreign += uint64(n.foreign)
	l.unknown += uint64(n.unknown)
	for _, e := range x {
		l.examples.insert(e)
	}
}

// position of a line: of the log, of the chunk in it, of the line in that.
type position uint64

func positionOf(l *log, seq, line uint32) position {
	return position(l.index)<<48 | position(seq)<<20 | position(line)
}

// place gives a position as FILE:LINE.
func (f *feed) place(p position) string {
	l := f.logs[p>>48]
	line := uint64(p & (1<<20 - 1))
	for _, n := range l.lines[:p>>20&(1<<28-1)] {
		line += uint64(n)
	}
	return l.name + ":" + strconv.FormatUint(line, 10)
}

// rotation is how a rotated log's name ends: a number, higher is older, or a
// date; and how it is compressed.
var rotation = regexp.MustCompile(`^(.*?)(?:[.-](\d{1,4}|\d{8}(?:-?\d{0,10})?|\d{4}-\d\d-\d\d))?(?:\.(?:gz|zst|bz2))?$`)

// InOrder sorts the names of rotated sets by time, the oldest first: of
// "x.log", "x.log.1" and "x.log.2.gz" the last comes first. Names of different
// logs keep the order in which they are given.
func InOrder(names []string) []string {
	type entry struct {
		name, base string
		number     int // of the rotation; -1: none
		date       string
	}
	first := map[string]int{}
	entries := make([]entry, len(names))
	for i, name := range names {
		dir, file := path.Split(strings.ReplaceAll(name, `\`, "/"))
		m := rotation.FindStringSubmatch(file)
		e := entry{name: name, base: dir + m[1], number: -1}
		switch {
		case m[2] == "":
		case len(m[2]) <= 4:
			e.number, _ = strconv.Atoi(m[2]) // digits only
		default:
			e.date = strings.ReplaceAll(m[2], "-", "")
		}
		if _, seen := first[e.base]; !seen {
			first[e.base] = i
		}
		entries[i] = e
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		if c := first[a.base] - first[b.base]; c != 0 {
			return c
		}
		if a.number != b.number {
			return b.number - a.number
		}
		if (a.date == "") != (b.date == "") {
			if a.date == "" {
				return 1
			}
			return -1
		}
		return strings.Compare(a.date, b.date)
	})
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.name
	}
	return out
}
