package audit

import "bytes"

// masked are what servers write in the place of a password.
const masked = "*(<"

// redacted is a line without the password that a server may have logged with
// the command PASS: no password reaches an output, whoever wrote it down.
func redacted(line []byte) []byte {
	for from := 0; ; {
		i := bytes.Index(line[from:], []byte("PASS "))
		if i < 0 {
			return line
		}
		at := from + i
		from = at + len("PASS ")
		if at > 0 && line[at-1] != ' ' && line[at-1] != '"' && line[at-1] != '[' {
			continue
		}
		end := from
		for end < len(line) && line[end] != '"' && line[end] != ' ' {
			end++
		}
		if end == from || bytes.IndexByte([]byte(masked), line[from]) >= 0 {
			continue
		}
		// A password may hold blanks: where it is quoted, it ends with the quote;
		// else nobody knows, and all that follows goes.
		rest := []byte(nil)
		if at > 0 && line[at-1] == '"' {
			if j := bytes.IndexByte(line[from:], '"'); j >= 0 {
				rest = line[from+j:]
			}
		}
		return append(append(bytes.Clone(line[:from]), "****"...), rest...)
	}
}
