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
	"time"
)

// ErrNotCapture means that the input is no capture of a kind that is read here.
var ErrNotCapture = errors.New("not a capture: neither pcap nor pcapng")

// frame is one packet of a file.
type frame struct {
	m    moment
	link int // LINKTYPE of the interface
	data []byte
	cut  bool // the packet was longer
}

const (
	maxPacket = 256 << 10
	maxBlock  = 16 << 20
)

// Read analyses a capture: pcap or pcapng, also within gzip. A file that breaks
// off or is damaged is read as far as it goes, and the report says so; the
// error is for what is no capture at all, and for the end of ctx.
func Read(ctx context.Context, r io.Reader, o Options) (*Analysis, error) {
	br := bufio.NewReaderSize(r, 256<<10)
	if head, err := br.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("reading gzip: %w", err)
		}
		defer z.Close()
		br = bufio.NewReaderSize(z, 256<<10)
	}
	head, err := br.Peek(4)
	if err != nil {
		return nil, ErrNotCapture
	}
	a := newAnalysis(o)
	n := 0
	take := func(f frame) error {
		if n++; n&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		f.m.packet = n
		a.frame(f)
		return nil
	}
	switch binary.BigEndian.Uint32(head) {
	case 0xa1b2c3d4, 0xa1b23c4d, 0xd4c3b2a1, 0x4d3cb2a1:
		err = readPcap(br, take)
	case 0x0a0d0d0a:
		err = readPcapng(br, take)
	default:
		return nil, ErrNotCapture
	}
	a.finish()
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF):
		a.damage = "the capture breaks off within a packet; it was read up to there"
	default:
		a.damage = "the capture is damaged; it was read up to there"
	}
	return a, nil
}

var errDamaged = errors.New("damaged")

func readPcap(r io.Reader, take func(frame) error) error {
	var head [24]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	var order binary.ByteOrder = binary.LittleEndian
	magic := binary.LittleEndian.Uint32(head[:])
	if magic != 0xa1b2c3d4 && magic != 0xa1b23c4d {
		order, magic = binary.BigEndian, binary.BigEndian.Uint32(head[:])
	}
	unit := time.Microsecond
	if magic == 0xa1b23c4d {
		unit = time.Nanosecond
	}
	link := int(order.Uint32(head[20:]) & 0xffff)
	var rec [16]byte
	buf := make([]byte, 0, 64<<10)
	for {
		if _, err := io.ReadFull(r, rec[:]); err != nil {
			return err
		}
		size, whole := order.Uint32(rec[8:]), order.Uint32(rec[12:])
		if size > maxPacket {
			return errDamaged
		}
		if cap(buf) < int(size) {
			buf = make([]byte, size)
		}
		buf = buf[:size]
		if _, err := io.ReadFull(r, buf); err != nil {
			return unexpected(err)
		}
		at := time.Unix(int64(order.Uint32(rec[:])), int64(order.Uint32(rec[4:]))*int64(unit))
		if err := take(frame{m: moment{at: at}, link: link, data: buf, cut: whole > size}); err != nil {
			return err
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pcapng as draft-ietf-opsawg-pcapng describes it.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockSimple    = 3
	blockEnhanced  = 6
)

// captured is an interface of a section.
type captured struct {
	link int
	snap uint32
	unit float64 // seconds in a unit of its clock
}

func readPcapng(r io.Reader, take func(frame) error) error {
	var order binary.ByteOrder = binary.LittleEndian
	var interfaces []captured
	var head [12]byte
	for {
		if _, err := io.ReadFull(r, head[:8]); err != nil {
			return err
		}
		kind := order.Uint32(head[:])
		if kind == blockSection {
			if _, err := io.ReadFull(r, head[8:12]); err != nil {
				return unexpected(err)
			}
			if order = binary.LittleEndian; order.Uint32(head[8:]) != 0x1a2b3c4d {
				order = binary.BigEndian
			}
			interfaces = nil
		}
		size := order.Uint32(head[4:])
		read := uint32(8)
		if kind == blockSection {
			read = 12
		}
		if size < read+4 || size > maxBlock {
			return errDamaged
		}
		body := make([]byte, size-read)
		if _, err := io.ReadFull(r, body); err != nil {
			return unexpected(err)
		}
		body = body[:len(body)-4] // the size once more
		switch kind {
		case blockInterface:
			if len(body) >= 8 && len(interfaces) < 1024 {
				interfaces = append(interfaces, captured{int(order.Uint16(body)), order.Uint32(body[4:]), resolution10(order, body[8:])})
			}
		case blockEnhanced:
			if len(body) < 20 {
				return errDamaged
			}
			i, n := order.Uint32(body), order.Uint32(body[12:])
			if uint64(i) >= uint64(len(interfaces)) || uint64(n) > uint64(len(body)-20) {
				return errDamaged
			}
			ticks := uint64(order.Uint32(body[4:]))<<32 | uint64(order.Uint32(body[8:]))
			if err := take(frame{m: moment{at: clock(ticks, interfaces[i].unit)}, link: interfaces[i].link, data: body[20 : 20+n], cut: order.Uint32(body[16:]) > n}); err != nil {
				return err
			}
		case blockSimple:
			if len(body) < 4 || len(interfaces) == 0 {
				return errDamaged
			}
			whole := order.Uint32(body)
			n := min(whole, uint32(len(body)-4))
			if s := interfaces[0].snap; s > 0 {
				n = min(n, s)
			}
			if err := take(frame{link: interfaces[0].link, data: body[4 : 4+n], cut: whole > n}); err != nil {
				return err
			}
		}
	}
}

// resolution10 reads the unit of an interface's clock; microseconds where it
// says nothing.
func resolution10(order binary.ByteOrder, options []byte) float64 {
	for len(options) >= 4 {
		kind, n := order.Uint16(options), int(order.Uint16(options[2:]))
		if len(options) < 4+n || kind == 0 {
			break
		}
		if kind == 9 && n >= 1 {
			unit, base := 1.0, 10.0
			if options[4]&0x80 != 0 {
				base = 2
			}
			for range options[4] & 0x7f {
				unit /= base
			}
			return unit
		}
		options = options[min(len(options), 4+(n+3)/4*4):]
	}
	return 1e-6
}

func clock(ticks uint64, unit float64) time.Time {
	if unit == 1e-6 {
		return time.UnixMicro(int64(ticks))
	}
	if perSecond := uint64(1/unit + 0.5); perSecond > 0 {
		return time.Unix(int64(ticks/perSecond), int64(float64(ticks%perSecond)*unit*1e9))
	}
	return time.Time{}
}

// IsCapture tells by the first bytes whether a file may be a capture.
func IsCapture(head []byte) bool {
	for _, m := range [][]byte{{0xa1, 0xb2, 0xc3, 0xd4}, {0xa1, 0xb2, 0x3c, 0x4d}, {0xd4, 0xc3, 0xb2, 0xa1}, {0x4d, 0x3c, 0xb2, 0xa1}, {0x0a, 0x0d, 0x0d, 0x0a}} {
		if bytes.HasPrefix(head, m) {
			return true
		}
	}
	return false
}
