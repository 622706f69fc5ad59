package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrNotCapture means that the input is no capture of a kind that is read here.
var ErrNotCapture = errors.New("not a capture: neither pcap nor pcapng")

// frame is one packet of a file.
type frame struct {
	m     moment
	link  int    // LINKTYPE of the interface
	data  []byte // valid until the next frame
	whole int    // its length on the wire; more than len(data): it was cut
}

const (
	// maxPacket is the longest packet that libpcap writes (MAXIMUM_SNAPLEN).
	maxPacket = 256 << 10
	// window is how much of a file is in memory at once.
	window = 2 * maxPacket
	// maxBlock bounds a block of pcapng that is passed over, such as statistics;
	// a larger one is damage.
	maxBlock = 64 << 20
)

// Read analyses a capture: pcap or pcapng, also within gzip. A file that breaks
// off or is damaged is read as far as it goes, and the report says so; the
// error is for what is no capture at all, and for the end of ctx.
func Read(ctx context.Context, r io.Reader, o Options) (*Analysis, error) {
	f, err := open(r)
	if err != nil {
		return nil, err
	}
	a := newAnalysis(o)
	for n := 1; ; n++ {
		if n&1023 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var x frame
		if x, err = f.next(); err != nil {
			break
		}
		x.m.packet = n
		a.frame(&x)
	}
	a.finish()
	switch {
	case errors.Is(err, io.EOF):
	case errors.Is(err, io.ErrUnexpectedEOF):
		a.damage = "the capture breaks off within a packet; it was read up to there"
	default:
		a.damage = "the capture is damaged; it was read up to there"
	}
	return a, nil
}

// IsCapture tells by the first bytes whether a file may be a capture.
func IsCapture(head []byte) bool {
	for _, m := range []string{"\xa1\xb2\xc3\xd4", "\xa1\xb2\x3c\x4d", "\xd4\xc3\xb2\xa1", "\x4d\x3c\xb2\xa1", "\x0a\x0d\x0d\x0a"} {
		if bytes.HasPrefix(head, []byte(m)) {
			return true
		}
	}
	return false
}

// framer reads packets in their order. Its error is io.EOF behind the last one,
// io.ErrUnexpectedEOF where the file ends within one, or another where the file
// contradicts itself.
type framer interface{ next() (frame, error) }

// open finds the format.
func open(r io.Reader) (framer, error) {
	br := bufio.NewReaderSize(r, window)
	if head, err := br.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("reading gzip: %w", err)
		}
		br = bufio.NewReaderSize(z, window)
	}
	head, err := br.Peek(4)
	if err != nil || !IsCapture(head) {
		return nil, ErrNotCapture
	}
	if binary.BigEndian.Uint32(head) == blockSection {
		return &pcapng{r: br, order: order{}}, nil
	}
	return openPcap(br)
}

// order reads numbers as the machine wrote them that made the file. It is no
// binary.ByteOrder since a call through an interface is felt at each packet.
type order struct{ big bool }

func (o order) u16(b []byte) uint16 {
	if o.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (o order) u32(b []byte) uint32 {
	if o.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// whole gives the next n bytes of a packet's record: that the file ends before
// them is not the end that one expects.
func whole(r *bufio.Reader, n int) ([]byte, error) {
	b, err := r.Peek(n)
	if err != nil && errors.Is(err, io.EOF) && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

var errDamaged = errors.New("damaged")

// pcap reads the format of libpcap (draft-ietf-opsawg-pcap).
type pcap struct {
	r     *bufio.Reader
	order order
	nano  bool
	link  int
	used  int // bytes of the window that the last frame took
}

const (
	pcapMagic     = 0xa1b2c3d4
	pcapNanoMagic = 0xa1b23c4d
)

func openPcap(r *bufio.Reader) (*pcap, error) {
	head, err := r.Peek(24)
	if err != nil {
		return nil, ErrNotCapture
	}
	p := &pcap{r: r}
	magic := p.order.u32(head)
	if magic != pcapMagic && magic != pcapNanoMagic {
		p.order.big = true
		magic = p.order.u32(head)
	}
	p.nano = magic == pcapNanoMagic
	p.link = int(p.order.u32(head[20:]) & 0xffff) // the upper bits tell of a frame check sequence
	_, err = r.Discard(24)
	return p, err
}

func (p *pcap) next() (frame, error) {
	if _, err := p.r.Discard(p.used); err != nil {
		return frame{}, err
	}
	p.used = 0
	head, err := whole(p.r, 16)
	if err != nil {
		return frame{}, err
	}
	sec, part := int64(p.order.u32(head)), int64(p.order.u32(head[4:]))
	size, wire := p.order.u32(head[8:]), p.order.u32(head[12:])
	if size > maxPacket {
		return frame{}, errDamaged
	}
	if !p.nano {
		part *= 1000
	}
	b, err := whole(p.r, 16+int(size))
	if err != nil {
		return frame{}, err
	}
	p.used = len(b)
	return frame{m: moment{at: instantOf(sec, part)}, link: p.link, data: b[16:], whole: clampLength(wire, size)}, nil
}

// clampLength bounds the length on the wire that a record claims.
func clampLength(wire, size uint32) int { return int(max(min(wire, maxPacket), size)) }

// pcapng reads the format of draft-ietf-opsawg-pcapng.
type pcapng struct {
	r          *bufio.Reader
	order      order
	interfaces []captured
	used       int
}

const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6

	byteOrderMagic = 0x1a2b3c4d
	maxInterfaces  = 1024
)

// captured is an interface of a section.
type captured struct {
	link   int
	snap   uint32
	second uint64 // units of its clock in a second
	offset int64  // seconds to add
}

func (p *pcapng) next() (frame, error) {
	for {
		if err := p.discard(p.used); err != nil {
			return frame{}, err
		}
		p.used = 0
		head, err := whole(p.r, 12)
		if err != nil {
			return frame{}, err
		}
		kind := p.order.u32(head)
		if kind == blockSection {
			p.order.big = binary.BigEndian.Uint32(head[8:]) == byteOrderMagic
			p.interfaces = p.interfaces[:0]
			if p.order.u32(head[8:]) != byteOrderMagic {
				return frame{}, errDamaged
			}
		}
		size := p.order.u32(head[4:])
		if size < 12 || size > maxBlock || size%4 != 0 {
			return frame{}, errDamaged
		}
		switch kind {
		case blockInterface, blockPacket, blockSimple, blockEnhanced:
		default: // of no interest; among them the secrets of TLS sessions
			p.used = int(size)
			continue
		}
		if size > window {
			return frame{}, errDamaged
		}
		b, err := whole(p.r, int(size))
		if err != nil {
			return frame{}, err
		}
		p.used = len(b)
		body := b[8 : len(b)-4]
		if kind == blockInterface {
			if len(body) < 8 || len(p.interfaces) >= maxInterfaces {
				return frame{}, errDamaged
			}
			p.interfaces = append(p.interfaces, p.device(body))
			continue
		}
		return p.packet(kind, body)
	}
}

// discard passes over a block; that the file ends within one is damage.
func (p *pcapng) discard(n int) error {
	_, err := p.r.Discard(n)
	if err != nil && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (p *pcapng) packet(kind uint32, body []byte) (frame, error) {
	if kind == blockSimple {
		if len(body) < 4 || len(p.interfaces) == 0 {
			return frame{}, errDamaged
		}
		i := p.interfaces[0]
		wire := p.order.u32(body)
		n := min(wire, uint32(len(body)-4))
		if i.snap > 0 {
			n = min(n, i.snap)
		}
		return frame{link: i.link, data: body[4 : 4+n], whole: clampLength(wire, n)}, nil
	}
	if len(body) < 20 {
		return frame{}, errDamaged
	}
	index := p.order.u32(body)
	if kind == blockPacket {
		index = uint32(p.order.u16(body))
	}
	n, wire := p.order.u32(body[12:]), p.order.u32(body[16:])
	if uint64(index) >= uint64(len(p.interfaces)) || uint64(n) > uint64(len(body)-20) {
		return frame{}, errDamaged
	}
	i := p.interfaces[index]
	ticks := uint64(p.order.u32(body[4:]))<<32 | uint64(p.order.u32(body[8:]))
	return frame{m: moment{at: i.clock(ticks)}, link: i.link, data: body[20 : 20+n], whole: clampLength(wire, n)}, nil
}

// The options of an interface that matter here (draft-ietf-opsawg-pcapng §4.2).
const (
	optionEnd        = 0
	optionResolution = 9
	optionOffset     = 14
)

// device reads the description of an interface.
func (p *pcapng) device(body []byte) captured {
	c := captured{link: int(p.order.u16(body)), snap: p.order.u32(body[4:]), second: 1e6}
	for b := body[8:]; len(b) >= 4; {
		kind, n := p.order.u16(b), int(p.order.u16(b[2:]))
		if kind == optionEnd || len(b) < 4+n {
			break
		}
		switch {
		case kind == optionResolution && n >= 1:
			c.second = unitsPerSecond(b[4])
		case kind == optionOffset && n == 8:
			c.offset = int64(uint64(p.order.u32(b[4:])) | uint64(p.order.u32(b[8:]))<<32)
			if p.order.big {
				c.offset = int64(binary.BigEndian.Uint64(b[4:]))
			}
		}
		b = b[min(len(b), 4+(n+3)&^3):]
	}
	return c
}

// unitsPerSecond gives the units in a second: a power of ten, or of two where the
// upper bit is set. What is finer than fits is taken for nanoseconds.
func unitsPerSecond(v byte) uint64 {
	if v&0x80 != 0 {
		if v &= 0x7f; v < 63 {
			return 1 << v
		}
		return 1e9
	}
	if v > 18 {
		return 1e9
	}
	units := uint64(1)
	for range v {
		units *= 10
	}
	return units
}

func (c captured) clock(ticks uint64) instant {
	sec, part := ticks/c.second, ticks%c.second
	nano := part
	switch {
	case c.second < 1e9:
		nano = part * 1e9 / c.second
	case c.second > 1e9:
		nano = uint64(float64(part) / float64(c.second) * 1e9)
	}
	return instantOf(int64(sec)+c.offset, int64(nano))
}
