package capture

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"ftpdoctor/internal/finding"
)

// LiveOptions say what [Live] records, and how long.
type LiveOptions struct {
	// Interface is its name; "any": all of them.
	Interface string
	// For ends the recording after a time; 0: when ctx ends.
	For time.Duration
	// UntilFault ends it as soon as a fault shows.
	UntilFault bool
	// Ring keeps only so much of the past for Keep, which is written at the end;
	// 0: everything, as it comes.
	Ring time.Duration
	// Ports are further ones at which servers listen: what passes there is
	// recorded whole. The usual ones always are, as are name servers' answers.
	Ports []uint16
	// Keep gets the packets, as pcap; nil: they are not kept.
	Keep io.Writer
}

var (
	// ErrNoPrivilege means that the system does not let this user record packets.
	ErrNoPrivilege = errors.New("recording packets needs the capability CAP_NET_RAW (run as root)")
	// ErrNotSupported means that this system's packets can't be recorded here.
	ErrNotSupported = errors.New("recording packets is supported on Linux only; record with tcpdump or Wireshark and give the file")
)

const (
	// snapData is how much is kept of a packet beside the control connections:
	// the headers, and as much as tells what it is. Small packets stay whole.
	snapData = 384
	snapFull = maxPacket
	// maxRing bounds the memory of a ring.
	maxRing = 64 << 20
	// lookEvery is how often a recording is judged that waits for a fault.
	lookEvery = time.Second
)

// tap is an interface that is being listened to. Its packets begin with the
// header of Linux's cooked capture (LINKTYPE_LINUX_SLL).
type tap interface {
	// read gives the next packet, valid until the next call; none, and no error,
	// where none came for a while.
	read() (frame, error)
	// dropped is how many packets the system had no room for.
	dropped() int
	close()
}

// Live records the packets of an interface and analyses them on the way. That
// ctx ends ends the recording, and is no error.
func Live(ctx context.Context, l LiveOptions, o Options) (*Analysis, error) {
	t, err := listen(l)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return record(ctx, t, l, o)
}

func record(ctx context.Context, t tap, l LiveOptions, o Options) (*Analysis, error) {
	if l.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.For)
		defer cancel()
	}
	a := newAnalysis(o)
	k := newKeeper(l.Keep, l.Ring)
	n := 0
	var fault finding.Code
	look := time.Now().Add(lookEvery)
	var end instant // what the system holds of before that is still read: the last packets tell most
	for {
		if end == 0 && ctx.Err() != nil {
			end = instant(time.Now().UnixNano())
		}
		f, err := t.read()
		if err != nil {
			return nil, err
		}
		if end != 0 && (f.data == nil || f.m.at.After(end)) {
			break
		}
		if f.data != nil {
			n++
			f.m.packet = n
			if err := k.keep(&f); err != nil {
				return nil, fmt.Errorf("keeping the packets: %w", err)
			}
			a.frame(&f)
		}
		if !l.UntilFault || time.Now().Before(look) {
			continue
		}
		look = time.Now().Add(lookEvery)
		a.last.at = instant(time.Now().UnixNano()) // silence tells as well
		now := a.rootCause()
		if now != "" && now == fault { // twice the same: not a moment's doubt
			break
		}
		fault = now
	}
	if n > 0 {
		a.last.at = instant(time.Now().UnixNano())
	}
	a.dropped = t.dropped()
	a.finish()
	first, err := k.finish()
	if err != nil {
		return nil, fmt.Errorf("keeping the packets: %w", err)
	}
	a.keptFrom = first
	return a, nil
}

// rootCause judges what was seen so far.
func (a *Analysis) rootCause() finding.Code {
	for _, c := range a.conns {
		if c.flow != nil {
			c.flow.settle()
		}
	}
	if r := a.Report(); r.RootCause != nil {
		return r.RootCause.Code
	}
	return ""
}

// keeper writes packets as pcap, at once or, of a ring, at the end.
type keeper struct {
	w     *bufio.Writer // nil: nothing is kept
	ring  time.Duration
	held  []frame // in their order
	size  int
	first int // the number of the first packet that is kept
}

func newKeeper(w io.Writer, ring time.Duration) *keeper {
	k := &keeper{ring: ring}
	if w == nil {
		return k
	}
	k.w = bufio.NewWriterSize(w, 64<<10)
	head := make([]byte, 0, 24)
	head = binary.LittleEndian.AppendUint32(head, pcapNanoMagic)
	head = binary.LittleEndian.AppendUint16(head, 2)
	head = binary.LittleEndian.AppendUint16(head, 4)
	head = append(head, make([]byte, 8)...)
	head = binary.LittleEndian.AppendUint32(head, maxPacket)
	head = binary.LittleEndian.AppendUint32(head, linkSLL)
	_, _ = k.w.Write(head) // the error stays with the writer, and comes at the end
	return k
}

func (k *keeper) keep(f *frame) error {
	if k.w == nil {
		return nil
	}
	if k.ring == 0 {
		if k.first == 0 {
			k.first = f.m.packet
		}
		return k.write(f)
	}
	x := *f
	x.data = append([]byte(nil), f.data...)
	k.held = append(k.held, x)
	k.size += len(x.data)
	old := 0
	for old < len(k.held)-1 && (x.m.at.Sub(k.held[old].m.at) > k.ring || k.size > maxRing) {
		k.size -= len(k.held[old].data)
		k.held[old].data = nil
		old++
	}
	k.held = k.held[old:]
	return nil
}

func (k *keeper) write(f *frame) error {
	head := make([]byte, 0, 16)
	head = binary.LittleEndian.AppendUint32(head, uint32(f.m.at/instant(time.Second)))
	head = binary.LittleEndian.AppendUint32(head, uint32(f.m.at%instant(time.Second)))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(f.data)))
	head = binary.LittleEndian.AppendUint32(head, uint32(f.whole))
	if _, err := k.w.Write(head); err != nil {
		return err
	}
	_, err := k.w.Write(f.data)
	return err
}

// finish writes what is held, and tells the number of the first packet that
// was kept; 0: none.
func (k *keeper) finish() (int, error) {
	if k.w == nil {
		return 0, nil
	}
	for i := range k.held {
		if k.first == 0 {
			k.first = k.held[i].m.packet
		}
		if err := k.write(&k.held[i]); err != nil {
			return 0, err
		}
	}
	return k.first, k.w.Flush()
}
