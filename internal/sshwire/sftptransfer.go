package sshwire

import (
	"errors"
	"io"
)

// Transfers keep so many requests under way, each of so many bytes: what every
// server takes (draft §3), and enough to fill a line of 100 ms at 20 MB/s.
const (
	chunk    = 32 << 10
	inFlight = 64
)

// fetch is a download under way. Answers may come in any order, and may be
// shorter than what was asked for; a client that overlooks either cuts files.
type fetch struct {
	c      *SFTP
	handle []byte
	w      io.Writer
	queue  []piece           // under way, in the order of the file
	came   map[uint32][]byte // answers before their turn; empty: the end
	next   int64             // where no request has been made yet
	n      int64             // bytes written, in order
	over   bool              // no further requests
	err    error             // why, if not for the end
}

type piece struct {
	id   uint32
	at   int64
	want int
}

// Fetch reads a file from its beginning to its end, in order, into w, and stops
// after limit bytes. size is what the server said, or -1: until there, requests
// overlap; whether the file really ends there is then asked. Where it stops
// early, the answers under way are read all the same.
func (c *SFTP) Fetch(handle []byte, w io.Writer, size, limit int64) (int64, error) {
	f := &fetch{c: c, handle: handle, w: w, came: map[uint32][]byte{}}
	for {
		for len(f.queue) < inFlight && !f.over && f.next < min(size, limit) {
			if err := f.ask(f.next, chunk, false); err != nil {
				return f.n, err
			}
			f.next += chunk
		}
		if len(f.queue) == 0 {
			if f.over || f.n > limit {
				return f.n, f.err
			}
			if err := f.ask(f.n, chunk, false); err != nil {
				return f.n, err
			}
		}
		if err := f.answer(); err != nil {
			return f.n, err
		}
		if err := f.inOrder(); err != nil {
			return f.n, err
		}
	}
}

func (f *fetch) ask(at int64, want int, first bool) error {
	id, err := f.c.send(fxpRead, f.handle, uint64(at), uint32(want))
	if err != nil {
		return err
	}
	p := piece{id, at, want}
	if first {
		f.queue = append([]piece{p}, f.queue...)
	} else {
		f.queue = append(f.queue, p)
	}
	return nil
}

// answer reads one answer to any of the requests.
func (f *fetch) answer() error {
	kind, id, p, err := f.c.receive()
	if err != nil {
		return err
	}
	want := 0
	for _, q := range f.queue {
		if q.id == id && f.came[id] == nil {
			want = q.want
		}
	}
	if want == 0 {
		return ErrBadPacket
	}
	var end *StatusError
	switch err := expect(fxpData, kind, &p); {
	case errors.As(err, &end):
		f.came[id] = []byte{}
		if end.Code != StatusEOF && f.err == nil {
			f.over, f.err = true, end
		}
		return nil
	case err != nil:
		return err
	}
	data, ok := p.string()
	if !ok || len(data) == 0 || len(data) > want {
		return ErrBadPacket
	}
	f.came[id] = data
	return nil
}

// inOrder writes what has its turn.
func (f *fetch) inOrder() error {
	for len(f.queue) > 0 && f.came[f.queue[0].id] != nil {
		q := f.queue[0]
		data := f.came[q.id]
		delete(f.came, q.id)
		f.queue = f.queue[1:]
		switch {
		case f.over:
			continue
		case len(data) == 0:
			f.over = true
			continue
		}
		if _, err := f.w.Write(data); err != nil {
			f.over, f.err = true, err
			continue
		}
		f.n += int64(len(data))
		switch rest := q.want - len(data); {
		case rest > 0 && len(f.queue) == 0:
			f.next = f.n
		case rest > 0:
			if err := f.ask(q.at+int64(len(data)), rest, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// Store writes data from the beginning of a file, and returns how many bytes
// the server confirmed before the first refusal.
func (c *SFTP) Store(handle, data []byte) (n int64, err error) {
	sizes := map[uint32]int{}
	at := 0
	for at < len(data) || len(sizes) > 0 {
		for at < len(data) && len(sizes) < inFlight && err == nil {
			piece := data[at:min(at+chunk, len(data))]
			id, fail := c.send(fxpWrite, handle, uint64(at), piece)
			if fail != nil {
				return n, fail
			}
			sizes[id] = len(piece)
			at += len(piece)
		}
		if len(sizes) == 0 {
			break
		}
		kind, id, p, fail := c.receive()
		if fail != nil {
			return n, fail
		}
		size, known := sizes[id]
		if !known {
			return n, ErrBadPacket
		}
		delete(sizes, id)
		var no *StatusError
		switch fail := expect(fxpStatus, kind, &p); {
		case errors.As(fail, &no):
			if err == nil {
				err = no
			}
		case fail != nil:
			return n, fail
		case err == nil:
			n += int64(size)
		}
	}
	return n, err
}
