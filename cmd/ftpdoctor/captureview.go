package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"ftpdoctor/internal/capture"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/report"
)

// captureWords are the words beside the findings, in both languages with the
// same verbs in the same order.
var captureWords = map[string]map[finding.Lang]string{
	"sessions":  {"en": "Sessions", "zh": "会话"},
	"data":      {"en": "Data connections", "zh": "数据连接"},
	"diagram":   {"en": "Session %d: %s, %s → %s", "zh": "会话 %d：%s，%s → %s"},
	"protocol":  {"en": "protocol", "zh": "协议"},
	"client":    {"en": "client", "zh": "客户端"},
	"server":    {"en": "server", "zh": "服务器"},
	"user":      {"en": "user", "zh": "用户"},
	"ended":     {"en": "ended", "zh": "结束"},
	"seconds":   {"en": "seconds", "zh": "秒"},
	"rtt":       {"en": "RTT ms", "zh": "RTT 毫秒"},
	"up":        {"en": "up", "zh": "上行"},
	"down":      {"en": "down", "zh": "下行"},
	"resent":    {"en": "resent", "zh": "重传"},
	"how":       {"en": "mode", "zh": "模式"},
	"announced": {"en": "announced", "zh": "通告"},
	"seen":      {"en": "seen", "zh": "实际"},
	"command":   {"en": "command", "zh": "命令"},
	"bytes":     {"en": "bytes", "zh": "字节"},
	"rate":      {"en": "bytes over time", "zh": "字节随时间"},
	"skipped":   {"en": "… %d lines left out …", "zh": "…… 省略 %d 行 ……"},
	"more":      {"en": "and %d more (-v shows them)", "zh": "另有 %d 项（-v 显示）"},
	"closed":    {"en": "closed", "zh": "关闭"},
	"reset":     {"en": "reset", "zh": "重置"},
	"refused":   {"en": "refused", "zh": "拒绝"},
	"icmp":      {"en": "ICMP", "zh": "ICMP"},
	"silent":    {"en": "no answer", "zh": "无应答"},
	"open":      {"en": "still open", "zh": "未结束"},
	"none":      {"en": "never came", "zh": "未出现"},
	"title":     {"en": "What the packets of %s show", "zh": "%s 的抓包所示"},
	"evidence":  {"en": "Evidence", "zh": "证据"},
	"remedies":  {"en": "What to do", "zh": "处理办法"},
	"findings":  {"en": "Findings", "zh": "发现"},
	"candidate": {"en": "It may also be", "zh": "也可能是"},
	"decide":    {"en": "What decides", "zh": "如何判定"},
	"steps":     {"en": "Steps", "zh": "步骤"},
	"lacks":     {"en": "Not seen", "zh": "未能看到"},
	"nothing":   {"en": "No fault is to be seen.", "zh": "未见故障。"},
	"aligned":   {"en": "The same packets at the server", "zh": "同样的报文在服务器一侧"},
	"clocks":    {"en": "The server's clock is %+.3f s ahead of the client's (± %.3f s), by %d packets.", "zh": "服务器时钟比客户端快 %+.3f 秒（± %.3f 秒），依据 %d 个报文。"},
	"only-here": {"en": "Never arrived at the server: %s", "zh": "从未到达服务器：%s"},
	"way":       {"en": "way", "zh": "方向"},
	"sent":      {"en": "sent", "zh": "发出"},
	"arrived":   {"en": "arrived", "zh": "到达"},
	"never":     {"en": "lost", "zh": "丢失"},
	"hops":      {"en": "routers", "zh": "路由器"},
	"changed":   {"en": "changed", "zh": "被改"},
	"forged":    {"en": "forged", "zh": "伪造"},
	"up-way":    {"en": "→ server", "zh": "→ 服务器"},
	"down-way":  {"en": "→ client", "zh": "→ 客户端"},
	"said":      {"en": "what was said", "zh": "对话"},
}

// captureView writes what a capture holds beside its findings.
type captureView struct {
	sessions []capture.Session
	lang     finding.Lang
	flags    *captureFlags
}

func (v captureView) say(key string, args ...any) string {
	form := captureWords[key][v.lang]
	if len(args) == 0 {
		return form
	}
	return fmt.Sprintf(form, args...)
}

const briefSessions = 12

// sections are the parts of the text.
func (v captureView) sections() []report.Section {
	if len(v.sessions) == 0 {
		return nil
	}
	out := []report.Section{{Title: v.say("sessions"), Table: v.table()}}
	if t := v.channels(); len(t.Rows) > 0 {
		out = append(out, report.Section{Title: v.say("data"), Table: t})
	}
	for _, s := range v.drawn() {
		out = append(out, report.Section{Title: v.say("diagram", s.Number, s.Protocol, s.Client, s.Server), Drawing: v.diagram(s)})
	}
	return out
}

// alignment is the part that compares the two sides.
func (v captureView) alignment(al *capture.Alignment) report.Section {
	t := &report.Table{Left: 2, Head: []string{v.say("client"), v.say("way"), v.say("sent"), v.say("arrived"), v.say("never"), v.say("hops"), v.say("changed"), v.say("forged")}}
	for i, p := range al.Pairs {
		if i == briefSessions && v.flags.verbose == 0 {
			t.More = v.say("more", len(al.Pairs)-i)
			break
		}
		for _, w := range []struct {
			name string
			way  capture.Way
		}{{"up-way", p.ToServer}, {"down-way", p.ToClient}} {
			t.Rows = append(t.Rows, []string{
				p.Client, v.say(w.name), number(uint64(w.way.Sent)), number(uint64(w.way.Arrived)), number(uint64(w.way.Never) + uint64(w.way.LostSYN)),
				strconv.Itoa(w.way.Hops), strconv.Itoa(len(w.way.Changed)), strconv.Itoa(len(w.way.Forged)),
			})
		}
	}
	s := report.Section{Title: v.say("aligned"), Lines: []string{v.say("clocks", al.OffsetS, al.UncertainS, al.Compared)}, Table: t}
	if len(al.Missing) > 0 {
		s.Lines = append(s.Lines, v.say("only-here", strings.Join(al.Missing[:min(5, len(al.Missing))], "; ")))
	}
	return s
}

// drawn are the sessions whose diagrams are wanted: all, or the first in which
// something fails and that is not a mere attempt.
func (v captureView) drawn() []capture.Session {
	if v.flags.diagrams || v.flags.verbose > 0 {
		return v.sessions
	}
	for _, talks := range []bool{true, false} {
		for i, s := range v.sessions {
			if s.Bad && (len(s.Said) > 4 || !talks) {
				return v.sessions[i : i+1]
			}
		}
	}
	return nil
}

func (v captureView) table() *report.Table {
	t := &report.Table{Left: 6, Head: []string{"#", v.say("protocol"), v.say("client"), v.say("server"), v.say("user"), v.say("ended"), v.say("seconds"), v.say("up"), v.say("down"), v.say("resent")}}
	for i, s := range v.sessions {
		if i == briefSessions && v.flags.verbose == 0 {
			t.More = v.say("more", len(v.sessions)-i)
			break
		}
		t.Rows = append(t.Rows, []string{strconv.Itoa(s.Number), s.Protocol, s.Client, s.Server, dash(s.User), v.say(s.Ended), fmt.Sprintf("%.3f", s.Seconds), number(uint64(s.Up)), number(uint64(s.Down)), strconv.Itoa(s.Resent)})
	}
	return t
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (v captureView) channels() *report.Table {
	t := &report.Table{Left: 6, Head: []string{"#", v.say("how"), v.say("announced"), v.say("seen"), v.say("command"), v.say("ended"), v.say("bytes"), v.say("rate")}}
	for _, s := range v.sessions {
		for _, c := range s.Data {
			if len(t.Rows) == briefSessions && v.flags.verbose == 0 {
				t.More = v.say("more", countChannels(v.sessions)-briefSessions)
				return t
			}
			seen := dash(c.Seen)
			if c.Seen == c.Announced {
				seen = "="
			}
			t.Rows = append(t.Rows, []string{strconv.Itoa(s.Number), c.How, c.Announced, seen, dash(c.Command), v.say(c.Ended), number(uint64(c.Bytes)), sparkline(c.Rate)})
		}
	}
	return t
}

func countChannels(all []capture.Session) (n int) {
	for _, s := range all {
		n += len(s.Data)
	}
	return n
}

const sparkColumns = 16

// sparkline draws bytes over time in a line.
func sparkline(rate []int64) string {
	if len(rate) < 2 {
		return ""
	}
	columns := min(len(rate), sparkColumns)
	sums := make([]int64, columns)
	top := int64(1)
	for i, n := range rate {
		sums[i*columns/len(rate)] += n
	}
	for _, n := range sums {
		top = max(top, n)
	}
	var b strings.Builder
	for _, n := range sums {
		b.WriteRune([]rune(" ▁▂▃▄▅▆▇█")[(n*8+top-1)/top])
	}
	return b.String()
}

const (
	diagramWidth = 80
	diagramLeft  = 17 // time and packet
)

// diagram draws a session: the client stands at the left.
func (v captureView) diagram(s capture.Session) []string {
	room := diagramWidth - diagramLeft
	client, server := v.say("client"), v.say("server")
	lines := []string{strings.Repeat(" ", diagramLeft) + client + strings.Repeat(" ", max(1, room-runewidth.StringWidth(client+server))) + server}
	for i, l := range s.Said {
		if s.Skipped > 0 && i == len(s.Said)/2 {
			lines = append(lines, strings.Repeat(" ", diagramLeft)+v.say("skipped", s.Skipped))
		}
		mark := ""
		if l.Bad {
			mark = " ✗"
		}
		text := runewidth.Truncate(visibleText(l.Text), room-6, "…")
		head := fmt.Sprintf("%9.3f #%-6d", l.At, l.Packet)
		fill := strings.Repeat("─", max(1, room-4-runewidth.StringWidth(text+mark)))
		if l.From == "client" {
			lines = append(lines, head+" "+text+mark+" "+fill+"▶")
		} else {
			lines = append(lines, head+" "+"◀"+fill+" "+text+mark)
		}
	}
	return lines
}

// visibleText shows what a stranger said without what a terminal would obey.
func visibleText(s string) string {
	return strings.ToValidUTF8(strings.Map(visible, s), "?")
}
