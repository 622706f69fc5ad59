package observe

import (
	"bufio"
	"io"
	"os"
	"strings"
	"time"
)

// Line is a line of a file.
type Line struct {
	N    int    `json:"n"` // from 1
	Text string `json:"text"`
}

// Lines are some lines of a file.
type Lines struct {
	Step
	Lines []Line `json:"lines,omitempty"`
}

// Bounds on what LinesOf reads.
const (
	maxLinesFile = 16 << 20
	maxLine      = 64 << 10
	maxLines     = 256
)

// LinesOf reads a file of this machine and keeps the lines that keep wants:
// known_hosts names every server that somebody uses, and a recording needs to
// know of one. In a recording keep is not called.
func (w *World) LinesOf(path string, keep func(line string) bool) Lines {
	return do(w, "lines "+path, func() Lines {
		start := time.Now()
		var out Lines
		f, err := os.Open(path)
		if err == nil {
			out.Lines, err = linesOf(f, keep)
			_ = f.Close()
		}
		out.Failure, out.Errno = classify(err)
		out.Took = time.Since(start)
		return out
	})
}

func linesOf(r io.Reader, keep func(string) bool) (out []Line, err error) {
	sc := bufio.NewScanner(io.LimitReader(r, maxLinesFile))
	sc.Buffer(make([]byte, 0, 4<<10), maxLine)
	for n := 1; sc.Scan() && len(out) < maxLines; n++ {
		if keep(sc.Text()) {
			out = append(out, Line{n, strings.ToValidUTF8(sc.Text(), "?")})
		}
	}
	return out, sc.Err()
}
