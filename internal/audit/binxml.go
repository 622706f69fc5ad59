package audit

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// The tokens of BinXML ([MS-EVEN6] §2.2.12), without the bit that announces
// more of the same.
const (
	tokenEnd          = 0x00
	tokenOpen         = 0x01
	tokenCloseStart   = 0x02
	tokenCloseEmpty   = 0x03
	tokenCloseElement = 0x04
	tokenValue        = 0x05
	tokenAttribute    = 0x06
	tokenCDATA        = 0x07
	tokenCharacter    = 0x08
	tokenEntity       = 0x09
	tokenTarget       = 0x0a
	tokenInstruction  = 0x0b
	tokenTemplate     = 0x0c
	tokenSubstitution = 0x0d
	tokenOptional     = 0x0e
	tokenHeader       = 0x0f
	tokenMore         = 0x40
)

// The types of BinXML's values ([MS-EVEN6] §2.2.12.1).
const (
	typeNull = iota
	typeString
	typeANSI
	typeInt8
	typeUint8
	typeInt16
	typeUint16
	typeInt32
	typeUint32
	typeInt64
	typeUint64
	typeFloat32
	typeFloat64
	typeBool
	typeBinary
	typeGUID
	typeSize
	typeFileTime
	typeSystemTime
	typeSID
	typeHex32
	typeHex64
	typeHandle = 0x20
	typeXML    = 0x21
	typeEvtXML = 0x23
	typeArray  = 0x80
)

// The bounds of one record: a template may stand in a template, so that a few
// bytes could be made to mean very many elements.
const (
	maxTokens = 20_000
	maxDepth  = 40
	maxValues = 4096
	maxPart   = 1024 // bytes of one value that are kept
)

// field is a value of a template instance: where it stands in the chunk.
type field struct {
	at, size int
	kind     byte
}

// binXML walks the BinXML of a record and tells it to a sink. Offsets count
// from the beginning of the chunk, which holds names and templates once for all
// of its records.
type binXML struct {
	chunk  []byte
	sink   xmlSink
	tokens int
	broken bool
	name   [256]byte
	text   []byte
	whole  []byte // of an attribute
}

// xmlSink takes what is read. The slices live only during the call.
type xmlSink interface {
	open(name []byte)
	attribute(name, value []byte)
	chars(value []byte)
	closed()
	// enough tells that nothing more is wanted of this record.
	enough() bool
}

func (x *binXML) u16(at int) int {
	if at < 0 || at+2 > len(x.chunk) {
		x.broken = true
		return 0
	}
	return int(binary.LittleEndian.Uint16(x.chunk[at:]))
}

func (x *binXML) u32(at int) int {
	if at < 0 || at+4 > len(x.chunk) {
		x.broken = true
		return 0
	}
	return int(binary.LittleEndian.Uint32(x.chunk[at:]))
}

// record reads what stands in a record. It returns false where that breaks
// the rules of the format; what was told before stays told.
func (x *binXML) record(from, end int) bool {
	x.tokens, x.broken = 0, false
	x.content(from, end, nil, true, 0)
	return !x.broken
}

// content reads tokens until the element is closed or end. Elements carry the
// number of a dependency unless they stand in a value themselves.
func (x *binXML) content(p, end int, values []field, dependent bool, depth int) int {
	if end > len(x.chunk) || depth > maxDepth {
		x.broken = true
		return end
	}
	for p < end && !x.broken && !x.sink.enough() {
		if x.tokens++; x.tokens > maxTokens {
			x.broken = true
			break
		}
		switch token := x.chunk[p]; token &^ tokenMore {
		case tokenEnd, tokenCloseElement:
			return p + 1
		case tokenHeader:
			p += 4
		case tokenOpen:
			p = x.element(p, end, values, dependent, depth)
		case tokenTemplate:
			p = x.template(p, end, depth)
		case tokenTarget:
			_, p = x.nameAt(p + 1)
		case tokenInstruction:
			p += 3 + 2*x.u16(p+1)
		default:
			next, ok := x.value(p, values, depth, false)
			if !ok {
				x.broken = true
			}
			p = next
		}
	}
	return p
}

// value reads one token of text and appends to the text, or hands it on.
func (x *binXML) value(p int, values []field, depth int, attribute bool) (int, bool) {
	x.text = x.text[:0]
	switch x.chunk[p] &^ tokenMore {
	case tokenValue:
		if p+1 >= len(x.chunk) || x.chunk[p+1] != typeString {
			return p, false
		}
		n := x.u16(p + 2)
		x.utf16(p+4, 2*n)
		p += 4 + 2*n
	case tokenCDATA:
		n := x.u16(p + 1)
		x.utf16(p+3, 2*n)
		p += 3 + 2*n
	case tokenCharacter:
		x.text = utf8.AppendRune(x.text, rune(x.u16(p+1)))
		p += 3
	case tokenEntity:
		name, next := x.nameAt(p + 1)
		x.text = append(x.text, entity(name)...)
		p = next
	case tokenSubstitution, tokenOptional:
		id := x.u16(p + 1)
		p += 4
		if id >= len(values) {
			return p, !x.broken && values != nil // a value that the record leaves out
		}
		f := values[id]
		if f.kind == typeXML && !attribute {
			x.content(f.at, f.at+f.size, nil, false, depth+1)
			return p, !x.broken
		}
		x.render(f)
	default:
		return p, false
	}
	if len(x.text) > 0 && !attribute && !x.broken {
		x.sink.chars(x.text)
	}
	return p, !x.broken
}

func entity(name []byte) string {
	switch string(name) {
	case "amp":
		return "&"
	case "lt":
		return "<"
	case "gt":
		return ">"
	case "quot":
		return `"`
	case "apos":
		return "'"
	}
	return "?"
}

// element reads an element with all that is in it.
func (x *binXML) element(p, end int, values []field, dependent bool, depth int) int {
	attributes := x.chunk[p]&tokenMore != 0
	name, next, ok := x.head(p, dependent)
	if !ok { // writers are not of one mind about the dependency
		if name, next, ok = x.head(p, !dependent); !ok {
			x.broken = true
			return end
		}
		dependent = !dependent
	}
	x.sink.open(name)
	defer x.sink.closed()
	if p = next; attributes {
		p += 4 // the size of the list
		for p < end && !x.broken && x.chunk[p]&^tokenMore == tokenAttribute {
			p = x.attribute(p, end, values)
		}
	}
	if p >= end || x.broken || x.sink.enough() {
		x.broken = x.broken || p >= end
		return end
	}
	switch x.chunk[p] &^ tokenMore {
	case tokenCloseEmpty:
		return p + 1
	case tokenCloseStart:
		return x.content(p+1, end, values, dependent, depth+1)
	}
	x.broken = true
	return end
}

// head reads the beginning of an element: its name, and what follows.
func (x *binXML) head(p int, dependent bool) (name []byte, next int, ok bool) {
	if p++; dependent {
		p += 2
	}
	p += 4 // the size of the element
	before := x.broken
	name, next = x.nameAt(p)
	ok = !x.broken && len(name) > 0
	x.broken = before
	return name, next, ok
}

// nameAt reads a name by its offset. A name stands where it is used first, and
// then what follows begins behind it.
func (x *binXML) nameAt(p int) (name []byte, next int) {
	at := x.u32(p)
	next = p + 4
	n := x.u16(at + 6)
	if n > len(x.name) || x.broken || at < chunkRecords || at+8+2*n+2 > len(x.chunk) {
		x.broken = true
		return nil, next
	}
	if at == next {
		next += 8 + 2*n + 2
	}
	name = x.name[:0]
	for i := range n {
		c := x.u16(at + 8 + 2*i)
		if c == 0 || c >= 0x80 {
			c = '?' // XML's names in event logs are ASCII
		}
		name = append(name, byte(c))
	}
	return name, next
}

func (x *binXML) attribute(p, end int, values []field) int {
	name, p := x.nameAt(p + 1)
	var kept [64]byte
	label := append(kept[:0], name...)
	x.whole = x.whole[:0]
	for p < end && !x.broken {
		switch x.chunk[p] &^ tokenMore {
		case tokenValue, tokenCharacter, tokenEntity, tokenSubstitution, tokenOptional:
		default:
			x.sink.attribute(label, x.whole)
			return p
		}
		if x.tokens++; x.tokens > maxTokens {
			break
		}
		next, ok := x.value(p, values, 0, true)
		if !ok {
			break
		}
		if p = next; len(x.whole)+len(x.text) <= maxPart {
			x.whole = append(x.whole, x.text...)
		}
	}
	x.broken = true
	return end
}

// template reads an instance: the definition, which stands where it is used
// first, then the values.
func (x *binXML) template(p, end, depth int) int {
	definition := x.u32(p + 6)
	p += 10
	size := x.u32(definition + 20)
	if definition == p {
		p += 24 + size
	}
	n := x.u32(p)
	p += 4
	if x.broken || n > maxValues || p+4*n > end || definition+24+size > len(x.chunk) {
		x.broken = true
		return end
	}
	values := make([]field, n)
	at := p + 4*n
	for i := range values {
		v := field{at: at, size: x.u16(p + 4*i), kind: x.chunk[p+4*i+2]}
		if at += v.size; at > end {
			x.broken = true
			return end
		}
		values[i] = v
	}
	x.content(definition+24, definition+24+size, values, true, depth+1)
	return at
}

// utf16 appends a text of the chunk.
func (x *binXML) utf16(at, size int) {
	if at < 0 || size < 0 || at+size > len(x.chunk) {
		x.broken = true
		return
	}
	x.appendUTF16(x.chunk[at : at+size])
}

func (x *binXML) appendUTF16(b []byte) {
	for ; len(b) >= 2 && len(x.text) < maxPart; b = b[2:] {
		r := rune(binary.LittleEndian.Uint16(b))
		if r == 0 && len(b) < 4 {
			return // what ends a string is not part of it
		}
		if utf16.IsSurrogate(r) && len(b) >= 4 {
			if pair := utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(b[2:]))); pair != utf8.RuneError {
				r, b = pair, b[2:]
			}
		}
		x.text = utf8.AppendRune(x.text, r)
	}
}

// widths of the types whose values have one, for arrays of them.
var widths = [...]int{
	typeInt8: 1, typeUint8: 1, typeInt16: 2, typeUint16: 2, typeInt32: 4, typeUint32: 4, typeInt64: 8, typeUint64: 8, typeFloat32: 4,
	typeFloat64: 8, typeBool: 4, typeGUID: 16, typeFileTime: 8, typeSystemTime: 16, typeHex32: 4, typeHex64: 8,
}

// render appends a value as text. What is shorter than its type needs is
// nothing.
func (x *binXML) render(f field) {
	b := x.chunk[f.at : f.at+f.size]
	if f.kind&typeArray == 0 {
		x.scalar(f.kind, b)
		return
	}
	kind := f.kind &^ typeArray
	if kind == typeString || kind == typeANSI {
		x.strings(kind, b)
		return
	}
	width := 0
	if int(kind) < len(widths) {
		width = widths[kind]
	}
	if width == 0 {
		x.hex(b)
		return
	}
	for first := true; len(b) >= width && len(x.text) < maxPart; b, first = b[width:], false {
		if !first {
			x.text = append(x.text, ", "...)
		}
		x.scalar(kind, b[:width])
	}
}

// strings appends an array of strings, each of which ends in a zero.
func (x *binXML) strings(kind byte, b []byte) {
	step := 2
	if kind == typeANSI {
		step = 1
	}
	from := 0
	for at := 0; at+step <= len(b); at += step {
		if b[at] != 0 || b[at+step-1] != 0 {
			continue
		}
		if from > 0 {
			x.text = append(x.text, ", "...)
		}
		x.scalar(kind, b[from:at])
		from = at + step
	}
	if from < len(b) {
		x.scalar(kind, b[from:])
	}
}

func (x *binXML) scalar(kind byte, b []byte) {
	if need := int(kind); need < len(widths) && len(b) < widths[need] && kind != typeBool {
		return
	}
	order := binary.LittleEndian
	switch kind {
	case typeNull:
	case typeString, typeEvtXML:
		x.appendUTF16(b)
	case typeANSI:
		for _, c := range b[:min(len(b), maxPart)] {
			if c != 0 {
				x.text = utf8.AppendRune(x.text, rune(c))
			}
		}
	case typeInt8:
		x.text = strconv.AppendInt(x.text, int64(int8(b[0])), 10)
	case typeUint8:
		x.text = strconv.AppendUint(x.text, uint64(b[0]), 10)
	case typeInt16:
		x.text = strconv.AppendInt(x.text, int64(int16(order.Uint16(b))), 10)
	case typeUint16:
		x.text = strconv.AppendUint(x.text, uint64(order.Uint16(b)), 10)
	case typeInt32:
		x.text = strconv.AppendInt(x.text, int64(int32(order.Uint32(b))), 10)
	case typeUint32:
		x.text = strconv.AppendUint(x.text, uint64(order.Uint32(b)), 10)
	case typeInt64:
		x.text = strconv.AppendInt(x.text, int64(order.Uint64(b)), 10)
	case typeUint64:
		x.text = strconv.AppendUint(x.text, order.Uint64(b), 10)
	case typeFloat32:
		x.text = strconv.AppendFloat(x.text, float64(math.Float32frombits(order.Uint32(b))), 'g', -1, 32)
	case typeFloat64:
		x.text = strconv.AppendFloat(x.text, math.Float64frombits(order.Uint64(b)), 'g', -1, 64)
	case typeBool: // four bytes by the book, fewer in some logs
		truth := false
		for _, c := range b {
			truth = truth || c != 0
		}
		x.text = strconv.AppendBool(x.text, truth)
	case typeGUID:
		x.guid(b)
	case typeFileTime:
		if millis, ok := fileTime(order.Uint64(b)); ok {
			x.text = time.UnixMilli(millis).UTC().AppendFormat(x.text, stampForm)
		}
	case typeSystemTime:
		t := time.Date(int(order.Uint16(b)), time.Month(order.Uint16(b[2:])), int(order.Uint16(b[6:])), int(order.Uint16(b[8:])), int(order.Uint16(b[10:])), int(order.Uint16(b[12:])), int(order.Uint16(b[14:]))*1_000_000, time.UTC)
		x.text = t.AppendFormat(x.text, stampForm)
	case typeSID:
		x.sid(b)
	case typeHex32:
		x.text = strconv.AppendUint(append(x.text, "0x"...), uint64(order.Uint32(b)), 16)
	case typeHex64:
		x.text = strconv.AppendUint(append(x.text, "0x"...), order.Uint64(b), 16)
	case typeSize, typeHandle:
		x.text = append(x.text, "0x"...)
		switch {
		case len(b) >= 8:
			x.text = strconv.AppendUint(x.text, order.Uint64(b), 16)
		case len(b) >= 4:
			x.text = strconv.AppendUint(x.text, uint64(order.Uint32(b)), 16)
		}
	default:
		x.hex(b)
	}
}

const stampForm = "2006-01-02T15:04:05.000Z"

// fileTime turns the tenths of microseconds since 1601 into milliseconds since
// 1970; times out of all reason are none.
func fileTime(t uint64) (int64, bool) {
	const epoch = 116_444_736_000_000_000
	if t < epoch || t > epoch+4_000_000_000*10_000_000 {
		return 0, false
	}
	return int64(t-epoch) / 10_000, true
}

const hexDigits = "0123456789ABCDEF"

func (x *binXML) hex(b []byte) {
	for _, c := range b[:min(len(b), maxPart/2)] {
		x.text = append(x.text, hexDigits[c>>4], hexDigits[c&15])
	}
}

// guid writes the first three parts as the numbers that they are.
func (x *binXML) guid(b []byte) {
	x.text = append(x.text, '{')
	for _, at := range [...]int{3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15} {
		if at < 0 {
			x.text = append(x.text, '-')
			continue
		}
		x.hex(b[at : at+1])
	}
	x.text = append(x.text, '}')
}

// sid writes a security identifier ([MS-DTYP] §2.4.2).
func (x *binXML) sid(b []byte) {
	if len(b) < 8 || len(b) < 8+4*int(b[1]) {
		return
	}
	authority := uint64(binary.BigEndian.Uint16(b[2:]))<<32 | uint64(binary.BigEndian.Uint32(b[4:]))
	x.text = strconv.AppendUint(append(x.text, "S-"...), uint64(b[0]), 10)
	x.text = strconv.AppendUint(append(x.text, '-'), authority, 10)
	for i := range int(b[1]) {
		x.text = strconv.AppendUint(append(x.text, '-'), uint64(binary.LittleEndian.Uint32(b[8+4*i:])), 10)
	}
}
