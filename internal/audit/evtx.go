package audit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// The measures of a file of the Windows event log: a header, then chunks, each
// of which holds records and what they share.
const (
	eventHeader   = 4096
	eventChunk    = 64 << 10
	chunkRecords  = 512 // where the records of a chunk begin
	recordHead    = 24
	minRecord     = recordHead + 4
	maxEventLine  = 8 << 10
	fileDirty     = 1 // flags of the file header
	fileNoCRC     = 4
	chunkFreeAt   = 48
	chunkRecsCRC  = 52
	chunkFlagsAt  = 120
	chunkCRCAt    = 124
	chunkTablesAt = 128
)

var (
	eventFileMagic  = []byte("ElfFile\x00")
	eventChunkMagic = []byte("ElfChnk\x00")
	recordMagic     = []byte{0x2a, 0x2a, 0, 0}
)

// ErrFollow is returned for a Windows event log that is to be followed: it is
// written within, not at its end.
var ErrFollow = errors.New("a Windows event log is not followed; what it holds now was read")

// Damage is what is not sound in a Windows event log. What can be read of it is
// read all the same.
type Damage struct {
	// Dirty: the log was not closed; it was copied while Windows was writing it.
	Dirty bool `json:"dirty,omitempty"`
	// Header: the file's own header has a wrong checksum.
	Header bool `json:"header,omitempty"`
	// Chunks counts those whose checksum or beginning is wrong.
	Chunks uint64 `json:"chunks,omitempty"`
	// Records counts those that could not be read to their end.
	Records uint64 `json:"records,omitempty"`
	// Truncated: the file ends within a chunk.
	Truncated bool `json:"truncated,omitempty"`
}

// eventLog reads a file of the Windows event log (version 3, from Windows Vista
// on) and gives each of its events as one line:
//
//	2026-11-23T14:27:48.998Z FTP01 Microsoft-Windows-Security-Auditing/4625 #1234 [632] TargetUserName="alice" …
//
// Time, computer, provider and number of the event, its number in the log, the
// process, then the data. Of events that tell nothing of file services the data
// is left out. A record that can't be read is a line that begins with "!". Chunks
// are read in the order of the file, which is that of the events until a full
// log begins again from its start.
type eventLog struct {
	r      io.Reader
	damage *Damage
	noCRC  bool
	chunk  []byte
	at     int // of the next record
	end    int // of what the chunk says that it holds
	last   uint64
	out    []byte
	rest   []byte // of out, that is not read yet
	err    error
	xml    binXML
	line   eventLine
	seen   uint64 // chunks
}

// newEventLog reads the header. r begins with its magic.
func newEventLog(r io.Reader, damage *Damage) (*eventLog, error) {
	l := &eventLog{r: r, damage: damage, chunk: make([]byte, eventChunk)}
	l.xml.sink = &l.line
	head := make([]byte, eventHeader)
	if _, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			damage.Truncated, l.err = true, io.EOF
			return l, nil
		}
		return nil, eventError(err)
	}
	if major := binary.LittleEndian.Uint16(head[38:]); major != 3 {
		return nil, fmt.Errorf("event log of version %d; versions 3.x are read", major)
	}
	flags := binary.LittleEndian.Uint32(head[120:])
	l.noCRC = flags&fileNoCRC != 0
	damage.Dirty = flags&fileDirty != 0
	damage.Header = !l.noCRC && crc32.ChecksumIEEE(head[:120]) != binary.LittleEndian.Uint32(head[124:])
	return l, nil
}

func eventError(err error) error {
	if errors.Is(err, ErrPause) {
		return ErrFollow
	}
	return err
}

// Read gives the lines.
func (l *eventLog) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		if l.at == 0 {
			if l.err != nil {
				return 0, l.err
			}
			l.next()
			continue
		}
		l.record()
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// next reads a chunk, or the part of one that is there.
func (l *eventLog) next() {
	n, err := io.ReadFull(l.r, l.chunk)
	if err != nil {
		l.err = eventError(err)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			l.err, l.damage.Truncated = io.EOF, true
		}
		clear(l.chunk[n:])
	}
	l.seen++
	if n < chunkRecords+minRecord || len(bytes.Trim(l.chunk[:chunkRecords], "\x00")) == 0 {
		return // room that is not used yet
	}
	order := binary.LittleEndian
	sound := bytes.HasPrefix(l.chunk, eventChunkMagic)
	free := int(order.Uint32(l.chunk[chunkFreeAt:]))
	if free < chunkRecords || free > n {
		free = n
		sound = sound && n < eventChunk
	}
	if sound && !l.noCRC && n == eventChunk {
		sum := crc32.Update(crc32.ChecksumIEEE(l.chunk[:chunkFlagsAt]), crc32.IEEETable, l.chunk[chunkTablesAt:chunkRecords])
		sound = sum == order.Uint32(l.chunk[chunkCRCAt:]) && crc32.ChecksumIEEE(l.chunk[chunkRecords:free]) == order.Uint32(l.chunk[chunkRecsCRC:])
	}
	// The header of the chunk that was being written last may lag behind.
	if !sound && !l.damage.Dirty || !bytes.HasPrefix(l.chunk, eventChunkMagic) {
		l.damage.Chunks++
	}
	l.at, l.end, l.last = chunkRecords, free, 0
}

// record reads one record, or finds the end of the chunk.
func (l *eventLog) record() {
	at := l.at
	l.at = 0
	if at+minRecord > len(l.chunk) || !bytes.HasPrefix(l.chunk[at:], recordMagic) {
		if at < l.end && at+minRecord <= len(l.chunk) && len(bytes.Trim(l.chunk[at:l.end], "\x00")) > 0 {
			l.damage.Records++
			l.unreadable(at)
			l.at = l.resume(at + 4)
		}
		return
	}
	size := int(binary.LittleEndian.Uint32(l.chunk[at+4:]))
	id := binary.LittleEndian.Uint64(l.chunk[at+8:])
	// Behind the end may stand what is not noted in the header yet, and also what
	// is left of an older use of the chunk: the numbers tell them apart.
	if at >= l.end && id != l.last+1 {
		return
	}
	if size < minRecord || at+size > len(l.chunk) || int(binary.LittleEndian.Uint32(l.chunk[at+size-4:])) != size {
		l.damage.Records++
		l.unreadable(at)
		l.at = l.resume(at + 4)
		return
	}
	l.last, l.at = id, at+size
	l.line.begin(binary.LittleEndian.Uint64(l.chunk[at+16:]), id)
	l.xml.chunk = l.chunk
	if !l.xml.record(at+recordHead, at+size-4) {
		l.damage.Records++
	}
	l.out = l.line.finish(l.out[:0])
	if len(l.out) == 0 {
		l.unreadable(at)
		return
	}
	l.rest = l.out
}

// resume finds the next record behind a broken one.
func (l *eventLog) resume(at int) int {
	if at > l.end {
		return 0
	}
	if i := bytes.Index(l.chunk[at:l.end], recordMagic); i >= 0 {
		return at + i
	}
	return 0
}

func (l *eventLog) unreadable(at int) {
	l.out = fmt.Appendf(l.out[:0], "! a record of chunk %d at byte %d can't be read\n", l.seen, at)
	l.rest = l.out
}

// eventLine makes a line of an event.
type eventLine struct {
	when     int64
	number   uint64 // of the record
	depth    int
	part     eventPart
	leaf     [64]byte // the name of the element, in System and UserData
	leafLen  int
	label    []byte // the Name of a Data element
	values   int    // Data elements without a name
	provider []byte
	id       []byte
	computer []byte
	pid      []byte
	data     []byte
	writing  bool // a value is begun
	done     bool
	all      bool // keep the data of every event
}

// eventPart is a child of the element Event.
type eventPart uint8

const (
	otherPart eventPart = iota
	systemPart
	dataPart
	userPart
)

func (v *eventLine) begin(written, number uint64) {
	*v = eventLine{
		number: number, label: v.label[:0], provider: v.provider[:0], id: v.id[:0], computer: v.computer[:0], pid: v.pid[:0], data: v.data[:0],
		when: noTime, all: v.all,
	}
	if millis, ok := fileTime(written); ok {
		v.when = millis
	}
}

func (v *eventLine) enough() bool { return v.done }

func (v *eventLine) open(name []byte) {
	v.depth++
	v.endValue()
	switch v.depth {
	case 2:
		v.part = otherPart
		switch string(name) {
		case "System":
			v.part = systemPart
		case "EventData":
			v.part = dataPart
		case "UserData":
			v.part = userPart
		}
		v.done = v.part != systemPart && len(v.id) > 0 && !v.all && !wanted(v.provider, v.id)
	default:
		v.leafLen = copy(v.leaf[:], name)
		v.label = v.label[:0]
	}
}

func (v *eventLine) attribute(name, value []byte) {
	switch leaf := v.leaf[:v.leafLen]; v.part {
	case systemPart:
		switch {
		case string(leaf) == "Provider" && string(name) == "Name", string(leaf) == "Provider" && string(name) == "EventSourceName" && len(v.provider) == 0:
			v.provider = append(v.provider[:0], value...)
		case string(leaf) == "Execution" && string(name) == "ProcessID":
			v.pid = append(v.pid[:0], value...)
		case string(leaf) == "TimeCreated" && string(name) == "SystemTime":
			if t, err := time.Parse(time.RFC3339Nano, string(value)); err == nil {
				v.when = t.UnixMilli()
			}
		}
	case dataPart:
		if string(name) == "Name" {
			v.label = append(v.label[:0], value...)
		}
	}
}

func (v *eventLine) chars(value []byte) {
	switch v.part {
	case systemPart:
		switch string(v.leaf[:v.leafLen]) {
		case "EventID":
			v.id = append(v.id[:0], value...)
		case "Computer":
			v.computer = append(v.computer[:0], value...)
		}
	case dataPart, userPart:
		v.write(value)
	}
}

// write adds a value, with its name where it begins.
func (v *eventLine) write(value []byte) {
	if len(v.data)+2*len(value)+80 > maxEventLine {
		return
	}
	if !v.writing {
		name := v.leaf[:v.leafLen]
		if v.part == dataPart {
			if string(name) == "Data" {
				v.values++
			}
			switch {
			case len(v.label) > 0:
				name = v.label
			case string(name) == "Data":
				name = strconv.AppendInt([]byte("param"), int64(v.values), 10)
			}
			if !kept(v.provider, name) {
				return
			}
		}
		v.data = append(v.data, ' ')
		for _, c := range name {
			if c <= ' ' || c == '"' || c == '=' || c >= 0x7f {
				c = '_'
			}
			v.data = append(v.data, c)
		}
		v.data = append(v.data, `="`...)
		v.writing = true
	}
	for i := 0; i < len(value); {
		r, n := utf8.DecodeRune(value[i:])
		switch {
		case r == '"':
			v.data = append(v.data, `""`...)
		case r < 0x20 || r == 0x7f || r > 0x7f && !unicode.IsPrint(r):
			v.data = append(v.data, ' ')
		default:
			v.data = append(v.data, value[i:i+n]...)
		}
		i += n
	}
}

func (v *eventLine) endValue() {
	if v.writing {
		v.data, v.writing = append(v.data, '"'), false
	}
}

func (v *eventLine) closed() {
	v.endValue()
	v.depth--
	v.leafLen, v.label = 0, v.label[:0]
}

// finish appends the line; nothing, where not even provider and number of the
// event are known.
func (v *eventLine) finish(out []byte) []byte {
	v.endValue()
	if _, ok := atoi(v.id); !ok || len(v.provider) == 0 {
		return out
	}
	if v.when == noTime {
		out = append(out, '-')
	} else {
		out = time.UnixMilli(v.when).UTC().AppendFormat(out, stampForm)
	}
	out = oneWord(append(out, ' '), v.computer)
	out = oneWord(append(out, ' '), v.provider)
	out = oneWord(append(out, '/'), v.id)
	out = strconv.AppendUint(append(out, " #"...), v.number, 10)
	if len(v.pid) > 0 {
		out = append(oneWord(append(out, " ["...), v.pid), ']')
	}
	return append(append(out, v.data...), '\n')
}

// oneWord appends a name in a way that it has no blank.
func oneWord(out, name []byte) []byte {
	if len(name) == 0 {
		return append(out, '-')
	}
	for _, c := range name {
		if c <= ' ' || c == 0x7f || c == '"' {
			c = '_'
		}
		out = append(out, c)
	}
	return out
}
