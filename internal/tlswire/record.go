package tlswire

import (
	"bytes"
	"fmt"
	"io"
)

// recordReader cuts a stream into records.
type recordReader struct {
	r     io.Reader
	buf   []byte // read and not yet handed out
	count int
}

// fill reads until n bytes are buffered. It may buffer more, but never waits for
// more than n.
func (r *recordReader) fill(n int) error {
	for empty := 0; len(r.buf) < n; {
		chunk := make([]byte, max(n-len(r.buf), 1024))
		got, err := r.r.Read(chunk)
		r.buf = append(r.buf, chunk[:got]...)
		if len(r.buf) >= n {
			return nil
		}
		if err == io.EOF && len(r.buf) > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if got > 0 {
			empty = 0
		} else if empty++; empty > 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}

// sniff looks at the first bytes and reports whether they are no TLS record. Of
// a text protocol it waits for a whole line, so that it can be quoted.
func (r *recordReader) sniff() (notTLS bool, err error) {
	err = r.fill(recordHeaderLen)
	if len(r.buf) == 0 {
		return false, err
	}
	if looksLikeTLS(r.buf) {
		return false, err
	}
	for err == nil && isText(r.buf) && len(r.buf) < maxNotTLS && !bytes.Contains(r.buf, []byte("\n")) {
		err = r.fill(len(r.buf) + 1)
	}
	return true, err
}

// looksLikeTLS judges as many bytes of a record header as there are.
func looksLikeTLS(b []byte) bool {
	return b[0] >= recordChangeCipherSpec && b[0] <= recordApplicationData &&
		(len(b) < 2 || b[1] == 3) && (len(b) < 3 || b[2] <= 4)
}

// isSSLv2 recognises a record of SSLv2 with a SERVER-HELLO or an error in it: two
// bytes of length with the high bit set, then the message type.
func isSSLv2(b []byte) bool {
	if len(b) < recordHeaderLen || b[0]&0x80 == 0 {
		return false
	}
	serverHello := b[2] == 4 && b[3] <= 1 && b[4] <= 1 // type, session_id_hit, certificate_type
	failure := b[0] == 0x80 && b[1] == 3 && b[2] == 0  // three bytes: type, error code
	return serverHello || failure
}

func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// next returns a record; its body is valid until the next call.
func (r *recordReader) next() (typ byte, body []byte, err error) {
	if r.count++; r.count > maxRecords {
		return 0, nil, fmt.Errorf("more than %d records: %w", maxRecords, ErrTooLarge)
	}
	if err := r.fill(recordHeaderLen); err != nil {
		return 0, nil, err
	}
	if !looksLikeTLS(r.buf) {
		return 0, nil, malformed("record", fmt.Sprintf("header % X", r.buf[:recordHeaderLen]))
	}
	length := int(r.buf[3])<<8 | int(r.buf[4])
	if length > maxPlaintext {
		return 0, nil, malformed("record", fmt.Sprintf("%d bytes long", length))
	}
	if err := r.fill(recordHeaderLen + length); err != nil {
		return 0, nil, err
	}
	typ, body = r.buf[0], r.buf[recordHeaderLen:recordHeaderLen+length]
	r.buf = r.buf[recordHeaderLen+length:]
	return typ, body, nil
}
