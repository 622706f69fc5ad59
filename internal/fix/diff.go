package fix

import (
	"fmt"
	"slices"
	"strings"
)

// around is how many unchanged lines stand around a change.
const around = 3

// Diff shows the change of the file as `diff -u` does. Of a secret file it says
// only that it changes.
func (f *File) Diff() string {
	from, to := "a"+f.Path, "b"+f.Path
	if f.Absent {
		from = "/dev/null"
	}
	if f.Remove {
		to = "/dev/null"
	}
	head := "--- " + from + "\n+++ " + to + "\n"
	if f.Secret {
		return head + fmt.Sprintf("(%d bytes, not shown)\n", len(f.Content))
	}
	old, now := lines(f.Before), lines(f.Content)
	ops := compare(old, now)
	var out strings.Builder
	out.WriteString(head)
	for i := 0; i < len(ops); {
		if ops[i].kind == ' ' {
			i++
			continue
		}
		first, last := i, i // of the hunk
		for j := i; j < len(ops) && j-last <= 2*around; j++ {
			if ops[j].kind != ' ' {
				last = j
			}
		}
		a, b := max(0, first-around), min(len(ops), last+1+around)
		hunk(&out, ops[a:b])
		i = b
	}
	return out.String()
}

// op is one line of a comparison.
type op struct {
	kind     byte // ' ', '-', '+'
	text     string
	old, now int // lines before this one, on each side
}

func hunk(out *strings.Builder, ops []op) {
	gone, come := 0, 0
	for _, o := range ops {
		if o.kind != '+' {
			gone++
		}
		if o.kind != '-' {
			come++
		}
	}
	span := func(before, n int) string {
		if n == 0 {
			return fmt.Sprintf("%d,0", before)
		}
		return fmt.Sprintf("%d,%d", before+1, n)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(ops[0].old, gone), span(ops[0].now, come))
	for _, o := range ops {
		out.WriteByte(o.kind)
		out.WriteString(o.text)
		if !strings.HasSuffix(o.text, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	all := strings.SplitAfter(s, "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// maxTable bounds the table of a comparison; what is larger is shown as one
// change from its first difference to its last.
const maxTable = 4 << 20

// compare finds the longest common subsequence between what both ends share.
func compare(old, now []string) []op {
	head := 0
	for head < len(old) && head < len(now) && old[head] == now[head] {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(now)-head && old[len(old)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	var ops []op
	add := func(kind byte, text string, i, j int) { ops = append(ops, op{kind, text, i, j}) }
	for i := range head {
		add(' ', old[i], i, i)
	}
	a, b := old[head:len(old)-tail], now[head:len(now)-tail]
	i, j := 0, 0
	if len(a)*len(b) <= maxTable {
		common := make([][]int32, len(a)+1)
		for x := range common {
			common[x] = make([]int32, len(b)+1)
		}
		for x, left := range slices.Backward(a) {
			for y, right := range slices.Backward(b) {
				if left == right {
					common[x][y] = common[x+1][y+1] + 1
				} else {
					common[x][y] = max(common[x+1][y], common[x][y+1])
				}
			}
		}
		for i < len(a) && j < len(b) {
			switch {
			case a[i] == b[j]:
				add(' ', a[i], head+i, head+j)
				i, j = i+1, j+1
			case common[i+1][j] >= common[i][j+1]:
				add('-', a[i], head+i, head+j)
				i++
			default:
				add('+', b[j], head+i, head+j)
				j++
			}
		}
	}
	for ; i < len(a); i++ {
		add('-', a[i], head+i, head+j)
	}
	for ; j < len(b); j++ {
		add('+', b[j], head+i, head+j)
	}
	for k := range tail {
		x := len(old) - tail + k
		add(' ', old[x], x, len(now)-tail+k)
	}
	return ops
}
