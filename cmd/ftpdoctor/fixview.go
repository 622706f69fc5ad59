package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/fix"
)

// fixWords are the words around a plan, in both languages with the same verbs
// in the same order.
var fixWords = map[string]map[finding.Lang]string{
	"plan":       {"en": "Plan %s on %s", "zh": "计划 %s，机器 %s"},
	"mends":      {"en": "mends %s: %s", "zh": "修复 %s：%s"},
	"nothing":    {"en": "Nothing is broken that would have to be mended.", "zh": "没有需要修复的问题。"},
	"no-changes": {"en": "Nothing here mends it. See: ftpdoctor explain %s", "zh": "这里没有可以修复它的办法。请看：ftpdoctor explain %s"},
	"left":       {"en": "Not mended: %s: %s", "zh": "不修复：%s：%s"},
	"no-recipe":  {"en": "no recipe; its page says what to do", "zh": "没有对应的修复方法；请看它的说明页"},
	"risks":      {"en": "Risks", "zh": "风险"},
	"no-risks":   {"en": "Risks: none known", "zh": "风险：没有已知的风险"},
	"proof":      {"en": "Proof: the same check, which must no longer find it:", "zh": "证明：再做同样的检查，必须不再发现该问题："},
	"undo":       {"en": "Undone by the machine itself unless proved within %s; later by:", "zh": "%s 内未得到证明，机器会自行恢复原状；之后可用："},
	"by-hand":    {"en": "By hand, for no program should do it", "zh": "需要人工完成，不应由程序代劳"},
	"apply":      {"en": "Nothing was changed. Add --apply to do it.", "zh": "没有做任何改动。加上 --apply 才会执行。"},
	"apply-yes":  {"en": "Nothing was changed. To do it from a script: --apply --yes --accept-risk %s", "zh": "没有做任何改动。在脚本中执行：--apply --yes --accept-risk %s"},
	"ask-apply":  {"en": "Apply the plan?", "zh": "执行这个计划吗？"},
	"accept":     {"en": "Accept the risk %s (%s)?", "zh": "接受风险 %s（%s）吗？"},
	"answers":    {"en": "[y/N]", "zh": "[y/N]"},
	"done":       {"en": "Mended, and proved: the check no longer finds %s.", "zh": "已修复并得到证明：检查不再发现 %s。"},
	"undo-later": {"en": "To undo it: ftpdoctor fix --rollback %s", "zh": "如要恢复原状：ftpdoctor fix --rollback %s"},
	"kept":       {"en": "%s is kept.", "zh": "已保留 %s。"},
	"is-undone":  {"en": "%s is undone: everything is as it was before.", "zh": "已撤销 %s：一切恢复原状。"},
	"none":       {"en": "No change was made on this machine.", "zh": "这台机器上没有做过改动。"},
	"still":      {"en": "the check still finds %s: %s", "zh": "检查仍然发现 %s：%s"},
	"worse":      {"en": "the check now finds %s: %s", "zh": "检查现在发现 %s：%s"},

	"r-changed":    {"en": "%s is not as it was when the plan was made: somebody changed it. Nothing was changed; make the plan again", "zh": "%s 与制定计划时不同：有人改动过。没有做任何改动；请重新制定计划"},
	"r-unwritable": {"en": "%s cannot be written (no room, read-only, or not permitted). Nothing was changed", "zh": "%s 无法写入（空间不足、只读或无权限）。没有做任何改动"},
	"r-unsaved":    {"en": "no snapshot of %s could be made. Nothing was changed", "zh": "无法为 %s 建立快照。没有做任何改动"},
	"r-unguarded":  {"en": "the guard that would undo the change could not be set%s. Nothing was changed", "zh": "无法设置负责撤销改动的守护任务%s。没有做任何改动"},
	"r-missing":    {"en": "the machine lacks %s, which is needed to undo a change. Nothing was changed", "zh": "机器上缺少撤销改动所需的 %s。没有做任何改动"},
	"r-linked":     {"en": "%s is reached by way of a link, which who owns it could turn elsewhere. Nothing was changed", "zh": "%s 的路径中有链接，其所有者可以把它指向别处。没有做任何改动"},
	"r-busy":       {"en": "another change is under way: see ftpdoctor fix --status %s. Nothing was changed", "zh": "另一项改动正在进行：请看 ftpdoctor fix --status %s。没有做任何改动"},
	"r-unsafe":     {"en": "%s must be a directory of root's in which nobody else can write, and no link. Nothing was changed", "zh": "%s 必须是 root 所有、其他人不可写的目录，且不能是符号链接。没有做任何改动"},
	"r-late":       {"en": "the guard was faster: %s", "zh": "守护任务已先行撤销：%s"},
	"u-changed":    {"en": "%s was changed by somebody meanwhile; everything is as it was", "zh": "%s 同时被他人改动；一切已恢复原状"},
	"u-unwritable": {"en": "%s could not be written; everything is as it was", "zh": "%s 无法写入；一切已恢复原状"},
	"u-rejected":   {"en": "the server's own check refuses the new %s; everything is as it was", "zh": "服务器自己的检查不接受新的 %s；一切已恢复原状"},
	"u-failed":     {"en": "this did not work: %s; everything is as it was", "zh": "这一步没有成功：%s；一切已恢复原状"},
	"u-unproved":   {"en": "the change did not mend it%s; everything is as it was", "zh": "改动没有解决问题%s；一切已恢复原状"},
	"u-late":       {"en": "it took too long, and the guard undid it%s; everything is as it was", "zh": "耗时过长，守护任务已撤销%s；一切已恢复原状"},
	"cut":          {"en": "the machine cannot be reached any more; it undoes the change by itself at %s", "zh": "无法再连上该机器；它会在 %s 自行撤销改动"},
	"is-stuck":     {"en": "not everything could be brought back; see %s on the machine", "zh": "未能完全恢复原状；请看该机器上的 %s"},

	"step-check":    {"en": "is everything as the plan has it?", "zh": "核对：是否仍与计划时相同"},
	"step-journal":  {"en": "journal", "zh": "写入日志"},
	"step-snapshot": {"en": "snapshot", "zh": "建立快照"},
	"step-guard":    {"en": "guard", "zh": "设置守护任务"},
	"step-proof":    {"en": "proof", "zh": "证明"},
	"step-confirm":  {"en": "confirm", "zh": "确认保留"},
	"step-undo":     {"en": "undo", "zh": "恢复原状"},

	string(fix.DropsSessions):    {"en": "transfers under way end", "zh": "进行中的传输会中断"},
	string(fix.RestartsService):  {"en": "the service is away for a moment", "zh": "服务会短暂中断"},
	string(fix.OpensPort):        {"en": "more of the machine can be reached", "zh": "机器开放的端口更多"},
	string(fix.WeakensSecurity):  {"en": "something is allowed that was not", "zh": "放宽了原来的限制"},
	string(fix.ChangesAccount):   {"en": "who may log in, or where to, changes", "zh": "改变谁可以登录或登录到哪里"},
	string(fix.ChangesElsewhere): {"en": "another program's own state changes", "zh": "改变另一个程序自己的状态"},

	string(fix.Preparing): {"en": "not begun", "zh": "未开始"},
	string(fix.Armed):     {"en": "under way", "zh": "进行中"},
	string(fix.Acting):    {"en": "under way", "zh": "进行中"},
	string(fix.Acted):     {"en": "waits for its proof", "zh": "等待证明"},
	string(fix.Confirmed): {"en": "kept", "zh": "已保留"},
	string(fix.Undoing):   {"en": "being undone", "zh": "正在撤销"},
	string(fix.Undone):    {"en": "undone", "zh": "已撤销"},
	string(fix.Stuck):     {"en": "not wholly undone", "zh": "未能完全撤销"},
}

// fixWriter shows plans and what became of them.
type fixWriter struct {
	p     *program
	lang  finding.Lang
	width int
	color bool
}

func (w *fixWriter) say(key string, args ...any) string {
	words, ok := fixWords[key]
	if !ok {
		return key
	}
	return fmt.Sprintf(words[w.lang], args...)
}

func (w *fixWriter) line(key string, args ...any) error {
	_, err := fmt.Fprintln(w.p.out, w.say(key, args...))
	return err
}

// wording is what became of a change, for a person; nil of what is none.
func (w *fixWriter) wording(err error) error {
	var refused *fix.RefusedError
	var undone *fix.UndoneError
	var cut *fix.CutError
	var stuck *fix.StuckError
	words, detail := "", ""
	switch {
	case errors.As(err, &undone):
		subject := undone.Subject
		if subject != "" && (undone.Reason == fix.Late || undone.Reason == fix.Unproved) {
			subject = " (" + subject + ")" // it adds to a whole sentence
		}
		words, detail = w.say("u-"+string(undone.Reason), subject), undone.Detail
	case errors.As(err, &stuck):
		words, detail = w.say("is-stuck", fix.Home+"/"+stuck.ID), stuck.Detail
	case errors.As(err, &cut):
		words, detail = w.say("cut", cut.At.Local().Format(time.TimeOnly)), cut.Err.Error()
	case errors.As(err, &refused):
		words = w.say("r-"+string(refused.Reason), refused.Subject)
	default:
		return err
	}
	if detail != "" {
		words += ": " + detail
	}
	return errors.New(words)
}

// paint styles a line of a difference; its first character says the same.
func (w *fixWriter) paint(line string) string {
	if !w.color || line == "" {
		return line
	}
	style := map[byte]string{'+': "32", '-': "31", '@': "2"}[line[0]]
	if style == "" {
		return line
	}
	return "\x1b[" + style + "m" + line + "\x1b[0m"
}

func (w *fixWriter) plan(p *fix.Plan, rep *finding.Report, left []fix.Left) error {
	var b strings.Builder
	if len(p.Changes) > 0 {
		fmt.Fprintln(&b, w.say("plan", p.ID, p.Machine))
		for _, code := range p.Mends {
			fmt.Fprintln(&b, "  "+w.say("mends", code, titleOf(rep, code)))
		}
	}
	for i := range p.Changes {
		w.change(&b, i+1, &p.Changes[i])
	}
	if len(p.Changes) > 0 {
		w.conditions(&b, p)
	}
	for _, m := range p.Manual {
		fmt.Fprintf(&b, "\n%s: %s\n", w.say("by-hand"), fix.Phrase(m.Why, w.lang))
		for _, c := range m.Commands {
			fmt.Fprintln(&b, "    "+c)
		}
	}
	for _, l := range left {
		reason := l.Err.Error()
		if errors.Is(l.Err, fix.ErrNoRecipe) {
			reason = w.say("no-recipe")
		}
		if e, ok := errors.AsType[*fix.RecipeError](l.Err); ok {
			reason = e.In(w.lang)
		}
		fmt.Fprintln(&b, w.say("left", l.Code, reason))
	}
	if len(p.Changes) == 0 && rep.RootCause == nil {
		fmt.Fprintln(&b, w.say("nothing"))
	} else if len(p.Changes) == 0 && rep.RootCause != nil {
		fmt.Fprintln(&b, w.say("no-changes", rep.RootCause.Code))
	}
	_, err := fmt.Fprint(w.p.out, b.String())
	return err
}

func (w *fixWriter) change(b *strings.Builder, n int, c *fix.Change) {
	fmt.Fprintf(b, "\n%2d  %s\n", n, c)
	if c.Why != "" {
		fmt.Fprintf(b, "    %s\n", fix.Phrase(c.Why, w.lang))
	}
	if c.File != nil {
		for line := range strings.Lines(c.File.Diff()) {
			fmt.Fprintln(b, "    "+w.paint(strings.TrimSuffix(line, "\n")))
		}
	}
}

// conditions are what a change costs, how it is proved, and how it is undone.
func (w *fixWriter) conditions(b *strings.Builder, p *fix.Plan) {
	b.WriteString("\n")
	if risks := p.Risks(); len(risks) == 0 {
		fmt.Fprintln(b, w.say("no-risks"))
	} else {
		fmt.Fprintln(b, w.say("risks"))
		for _, r := range risks {
			fmt.Fprintf(b, "    %-18s %s\n", r, w.say(string(r)))
		}
	}
	if p.Target != "" {
		fmt.Fprintf(b, "%s\n    ftpdoctor check %s\n", w.say("proof"), p.Target)
	}
	fmt.Fprintf(b, "%s\n    ftpdoctor fix --rollback %s%s\n", w.say("undo", fix.Guard), p.ID, hostFlag(p.Machine))
}

func hostFlag(name string) string {
	if name == "local" {
		return ""
	}
	return " --host " + name
}

func titleOf(rep *finding.Report, code finding.Code) string {
	for _, f := range rep.Findings {
		if f.Code == code {
			return f.Title
		}
	}
	return ""
}

func (w *fixWriter) howToApply(p *fix.Plan) error {
	if risks := p.Risks(); len(risks) > 0 {
		fmt.Fprintln(w.p.err, w.say("apply-yes", strings.Join(riskNames(risks), ",")))
		return nil
	}
	fmt.Fprintln(w.p.err, w.say("apply"))
	return nil
}

// json is the plan with what it leaves.
func (w *fixWriter) json(p *fix.Plan, left []fix.Left) error {
	type unmended struct {
		Code finding.Code `json:"code"`
		Why  string       `json:"why"`
	}
	out := struct {
		*fix.Plan
		Risks []fix.Risk `json:"risks"`
		Left  []unmended `json:"left"`
	}{p, p.Risks(), []unmended{}}
	for _, l := range left {
		out.Left = append(out.Left, unmended{l.Code, l.Err.Error()})
	}
	enc := json.NewEncoder(w.p.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func (w *fixWriter) risk(r fix.Risk) string { return w.say("accept", r, w.say(string(r))) }

// ask is a question that only a clear yes answers.
func (w *fixWriter) ask(in *bufio.Reader, question string) bool {
	fmt.Fprintf(w.p.err, "%s %s ", question, w.say("answers"))
	answer, err := in.ReadString('\n')
	if err != nil {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "是":
		return true
	}
	return false
}

// progress is a line for each step: one of ours, or a change in its own words.
func (w *fixWriter) progress(step, of int, what string) {
	if _, ours := fixWords["step-"+what]; ours {
		what = w.say("step-" + what)
	}
	fmt.Fprintf(w.p.err, "[%d/%d] %s\n", step, of, what)
}

// stillThere is an error if the check still finds what the plan was to mend, or
// finds something as bad that was not there.
func (w *fixWriter) stillThere(p *fix.Plan, rep *finding.Report) error {
	rep.Localize(w.lang)
	for _, code := range p.Mends {
		for _, f := range rep.Findings {
			if f.Code == code && f.Severity >= finding.Warning {
				return errors.New(w.say("still", code, f.Sentence))
			}
		}
	}
	if r := rep.RootCause; r != nil && rep.Status == finding.Failed {
		return errors.New(w.say("worse", r.Code, r.Sentence))
	}
	return nil
}

func (w *fixWriter) done(p *fix.Plan) error {
	var codes []string
	for _, c := range p.Mends {
		codes = append(codes, string(c))
	}
	if err := w.line("done", strings.Join(codes, ", ")); err != nil {
		return err
	}
	return w.line("undo-later", p.ID+hostFlag(p.Machine))
}

// entries lists changes; one is shown with its plan and log.
func (w *fixWriter) entries(format string, all []fix.Entry) error {
	if format == "json" {
		enc := json.NewEncoder(w.p.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	if len(all) == 0 {
		return w.line("none")
	}
	var b strings.Builder
	for _, e := range all {
		what := ""
		if e.Plan != nil {
			var codes []string
			for _, c := range e.Plan.Mends {
				codes = append(codes, string(c))
			}
			what = strings.Join(codes, ", ")
		}
		fmt.Fprintf(&b, "%s  %-18s %s\n", e.ID, w.say(string(e.Stage)), what)
		if len(all) > 1 || e.Log == nil {
			continue
		}
		if e.Plan != nil {
			for i := range e.Plan.Changes {
				w.change(&b, i+1, &e.Plan.Changes[i])
			}
		}
		b.WriteString("\n")
		for _, line := range e.Log {
			fmt.Fprintln(&b, "  "+line)
		}
		if !e.Stage.Over() && !e.Deadline.IsZero() {
			fmt.Fprintln(&b, "  → "+e.Deadline.Local().Format(time.DateTime))
		}
	}
	_, err := fmt.Fprint(w.p.out, b.String())
	return err
}
