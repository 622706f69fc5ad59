package main

import (
	"fmt"
	"io"
	"sync"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/probe"
)

// progress is one live line on standard error, on a terminal only.
type progress struct {
	w     io.Writer
	lang  finding.Lang
	total int

	mu   sync.Mutex
	done int
}

func newProgress(w io.Writer, total int, lang finding.Lang) *progress {
	if !isTerminal(w) {
		w = nil
	}
	return &progress{w: w, total: total, lang: lang}
}

func (p *progress) observer(target string) probe.Observer {
	if p.w == nil {
		return nil
	}
	return func(c finding.Check) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.total == 1 {
			fmt.Fprintf(p.w, "\r\x1b[K%s: %s", target, c.Name)
		}
	}
}

func (p *progress) finished() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.total > 1 {
		fmt.Fprintf(p.w, "\r\x1b[K%d/%d", p.done, p.total)
	}
}

func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
