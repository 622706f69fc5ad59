package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"ftpdoctor/internal/audit"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/report"
)

// auditWords are the words of the summary, in both languages with the same
// verbs in the same order.
var auditWords = map[string]map[finding.Lang]string{
	"title":      {"en": "%s: %s lines, %s events\n%s", "zh": "%s：%s 行，%s 个事件\n%s"},
	"logs":       {"en": "%d logs", "zh": "%d 个日志"},
	"no-time":    {"en": "no times", "zh": "没有时间"},
	"totals":     {"en": "What happened", "zh": "概况"},
	"logins":     {"en": "Logins: %s good, %s failed. Connections: %s.", "zh": "登录：成功 %s 次，失败 %s 次。连接：%s 个。"},
	"transfers":  {"en": "Transfers: %s up (%s), %s down (%s); %s aborted, %s slow. Deleted: %s.", "zh": "传输：上传 %s 次（%s），下载 %s 次（%s）；中断 %s 次，缓慢 %s 次。删除：%s 个。"},
	"people":     {"en": "Users: %s. Addresses: %s.", "zh": "用户：%s 个。地址：%s 个。"},
	"zone":       {"en": "Times that state no zone are read as %s.", "zh": "没有标明时区的时间按 %s 解读。"},
	"year":       {"en": "Years that the log lacks follow from when it was last written to.", "zh": "日志中缺少的年份由其最后写入时间推断。"},
	"cut":        {"en": "Tables that were full, so that the lighter half is missing: %s.", "zh": "以下表已满，较轻的一半未列出：%s。"},
	"foreign":    {"en": "Lines of other programs: %s.", "zh": "其他程序的行：%s。"},
	"twins":      {"en": "Events that stand in two of the logs: %s. They count once.", "zh": "同时出现在两个日志中的事件：%s 个，只计一次。"},
	"twins-cut":  {"en": "There are too many events to know all that stand in two logs; some may count twice.", "zh": "事件过多，无法识别所有重复记录；部分可能被计两次。"},
	"filtered":   {"en": "%s events were not asked for.", "zh": "%s 个事件不在所选范围内。"},
	"timeline":   {"en": "Events over time, %s a column, at most %s", "zh": "事件随时间的分布，每列 %s，峰值 %s"},
	"failures":   {"en": "Failures over time, at most %s", "zh": "失败随时间的分布，峰值 %s"},
	"day":        {"en": "Events by hour of the day; busiest: %s", "zh": "按一天中的小时统计的事件；最忙：%s"},
	"busiest":    {"en": "%s with %s", "zh": "%s，%s 个"},
	"who":        {"en": "Who fails, and why", "zh": "谁在失败，为什么"},
	"who-else":   {"en": "Who fails, and why, beside those who guess passwords", "zh": "谁在失败，为什么（不含猜解密码者）"},
	"users":      {"en": "Users by volume", "zh": "按流量排列的用户"},
	"attacks":    {"en": "Addresses that guess passwords", "zh": "猜解密码的地址"},
	"tls":        {"en": "TLS by version and cipher", "zh": "TLS 版本与密码套件"},
	"unknown":    {"en": "Lines that were not understood: %s of %s", "zh": "无法理解的行：%s / %s"},
	"damage":     {"en": "Logs that are not sound, read as far as they go", "zh": "不完整的日志，已尽可能读取"},
	"dirty":      {"en": "copied while Windows was writing it", "zh": "复制时 Windows 仍在写入"},
	"header":     {"en": "wrong checksum of the file's header", "zh": "文件头校验和错误"},
	"chunks":     {"en": "chunks with a wrong checksum or beginning: %s", "zh": "校验和或开头错误的块：%s"},
	"records":    {"en": "records that can't be read: %s", "zh": "无法读取的记录：%s"},
	"truncated":  {"en": "cut off within a chunk", "zh": "在块中间截断"},
	"log":        {"en": "log", "zh": "日志"},
	"kind":       {"en": "kind", "zh": "类型"},
	"lines":      {"en": "lines", "zh": "行"},
	"others":     {"en": "others'", "zh": "其他程序"},
	"strange":    {"en": "unknown", "zh": "未知"},
	"user":       {"en": "user", "zh": "用户"},
	"address":    {"en": "address", "zh": "地址"},
	"reason":     {"en": "reason", "zh": "原因"},
	"count":      {"en": "times", "zh": "次数"},
	"since":      {"en": "since", "zh": "始于"},
	"until":      {"en": "until", "zh": "止于"},
	"good":       {"en": "logins", "zh": "登录"},
	"bad":        {"en": "failed", "zh": "失败"},
	"up":         {"en": "up", "zh": "上传"},
	"down":       {"en": "down", "zh": "下载"},
	"aborted":    {"en": "aborted", "zh": "中断"},
	"names":      {"en": "names", "zh": "用户名"},
	"got-in":     {"en": "got in as", "zh": "登录成功"},
	"broken":     {"en": "Aborted transfers, the newest first", "zh": "中断的传输（最新的在前）"},
	"crawled":    {"en": "Transfers of 1 MiB and more below 64 KiB/s, the longest first", "zh": "1 MiB 以上且低于 64 KiB/s 的传输（耗时最长的在前）"},
	"when":       {"en": "when", "zh": "时间"},
	"file":       {"en": "file", "zh": "文件"},
	"size":       {"en": "size", "zh": "大小"},
	"rate":       {"en": "per second", "zh": "每秒"},
	"upload":     {"en": "up", "zh": "上传"},
	"download":   {"en": "down", "zh": "下载"},
	"read":       {"en": "What was read", "zh": "读取的日志"},
	"version":    {"en": "version and cipher", "zh": "版本与套件"},
	"1h":         {"en": "1 h", "zh": "1 小时"},
	"hours":      {"en": "%d h", "zh": "%d 小时"},
	"days":       {"en": "%d d", "zh": "%d 天"},
	"more":       {"en": "and %s more (-v shows them)", "zh": "另有 %s 项（-v 显示）"},
	"not-stated": {"en": "-", "zh": "-"},
}

// auditReasons are the causes that events have, in words.
var auditReasons = map[string]map[finding.Lang]string{
	"rejected": {"en": "wrong name or password", "zh": "用户名或密码错误"}, "unknown-user": {"en": "no such user", "zh": "用户不存在"},
	"user-denied": {"en": "user denied", "zh": "用户被拒"}, "anonymous-disabled": {"en": "no anonymous login", "zh": "不允许匿名"},
	"shell-not-listed": {"en": "shell not listed", "zh": "shell 未列出"}, "account-locked": {"en": "account locked", "zh": "账号锁定"},
	"account-expired": {"en": "account expired", "zh": "账号过期"}, "password-expired": {"en": "password expired", "zh": "密码过期"},
	"home-missing": {"en": "no home directory", "zh": "主目录不存在"}, "chroot-writable": {"en": "writable chroot", "zh": "chroot 可写"},
	"pam-broken": {"en": "PAM broken", "zh": "PAM 故障"}, "key-rejected": {"en": "key not accepted", "zh": "密钥未被接受"},
	"authorized-keys-unsafe": {"en": "authorized_keys unsafe", "zh": "authorized_keys 权限不当"}, "no-common-signature": {"en": "no common signature", "zh": "无共同签名算法"},
	"too-many-attempts": {"en": "too many attempts", "zh": "尝试次数过多"}, "tls-required": {"en": "TLS required", "zh": "要求 TLS"},
	"tls-version": {"en": "no common TLS version", "zh": "无共同 TLS 版本"}, "tls-cipher": {"en": "no common cipher", "zh": "无共同密码套件"},
	"certificate-refused": {"en": "client refuses certificate", "zh": "客户端拒绝证书"}, "tls-handshake": {"en": "TLS handshake broken off", "zh": "TLS 握手中断"},
	"tls-session-reuse": {"en": "TLS session not resumed", "zh": "未恢复 TLS 会话"}, "tls-data": {"en": "TLS on data connection", "zh": "数据连接 TLS"},
	"client-certificate": {"en": "no client certificate", "zh": "缺少客户端证书"}, "no-certificate": {"en": "server lacks certificate", "zh": "服务器缺少证书"},
	"no-common-algorithm": {"en": "no common SSH algorithm", "zh": "无共同 SSH 算法"}, "throttled": {"en": "throttled", "zh": "限流"},
	"no-sftp-subsystem": {"en": "no SFTP subsystem", "zh": "无 SFTP 子系统"}, "chroot-ownership": {"en": "chroot ownership", "zh": "chroot 属主不当"},
	"login-shell": {"en": "login shell missing", "zh": "登录 shell 不存在"}, "too-many-connections": {"en": "too many connections", "zh": "连接过多"},
	"too-many-from-source": {"en": "too many from address", "zh": "同一地址连接过多"}, "too-many-for-user": {"en": "too many for user", "zh": "同一用户连接过多"},
	"source-not-allowed": {"en": "address not allowed", "zh": "地址不被允许"}, "server-aborts": {"en": "server aborts", "zh": "服务器中止"},
	"service-failed": {"en": "service ended or did not start", "zh": "服务未能启动或意外终止"}, "resources": {"en": "server out of resources", "zh": "服务器资源不足"}, "active-connection-failed": {"en": "active connection failed", "zh": "主动连接失败"},
	"passive-connection-failed": {"en": "data connection failed", "zh": "数据连接失败"}, "active-refused": {"en": "active mode refused", "zh": "拒绝主动模式"},
	"transfer-aborted": {"en": "transfer aborted", "zh": "传输中断"}, "permission-denied": {"en": "permission denied", "zh": "权限不足"},
	"not-found": {"en": "not found", "zh": "不存在"}, "disk-full": {"en": "disk full", "zh": "磁盘已满"}, "quota-exceeded": {"en": "quota exceeded", "zh": "超出配额"},
	"read-only": {"en": "read-only file system", "zh": "只读文件系统"}, "name-refused": {"en": "name refused", "zh": "名称被拒"},
	"overwrite-denied": {"en": "may not overwrite", "zh": "不允许覆盖"}, "idle-timeout": {"en": "idle", "zh": "空闲超时"}, "file-operation": {"en": "file operation", "zh": "文件操作"},
}

// auditView writes the parts of a summary.
type auditView struct {
	*audit.Summary
	lang    finding.Lang
	verbose int
}

func (v auditView) say(key string, args ...any) string {
	form := auditWords[key][v.lang]
	if len(args) == 0 {
		return form
	}
	return fmt.Sprintf(form, args...)
}

const timeForm = "2006-01-02 15:04:05"

func auditTitle(s *audit.Summary, lang finding.Lang) string {
	v := auditView{Summary: s, lang: lang}
	name := v.say("logs", len(s.Logs))
	if len(s.Logs) == 1 {
		name = s.Logs[0].Name + " (" + s.Logs[0].Dialect + ")"
	}
	when := v.say("no-time")
	if s.First != nil {
		when = s.First.Format(timeForm) + " – " + s.Last.Format(timeForm)
	}
	return v.say("title", name, number(s.Lines), number(s.Events), when)
}

// auditSections are the parts of a summary beside its findings.
func auditSections(s *audit.Summary, lang finding.Lang, verbose int) []report.Section {
	v := auditView{s, lang, verbose}
	sections := []report.Section{v.totals()}
	sections = append(sections, v.charts()...)
	for _, t := range []struct {
		title string
		table *report.Table
	}{
		{v.whoTitle(), v.failures()}, {"attacks", v.attacks()}, {"users", v.users()}, {"broken", v.transfers(s.Broken)}, {"crawled", v.transfers(s.Crawled)}, {"tls", v.tls()}, {"read", v.logs()},
	} {
		if t.table == nil || len(t.table.Rows) == 0 {
			continue
		}
		sections = append(sections, report.Section{Title: v.say(t.title), Table: v.short(t.table)})
	}
	sections = append(sections, v.damage()...)
	return append(sections, v.strange()...)
}

// rows of a table that is not asked for in full.
const briefRows = 10

func (v auditView) short(t *report.Table) *report.Table {
	if n := len(t.Rows) - briefRows; v.verbose == 0 && n > 0 {
		t.Rows, t.More = t.Rows[:briefRows], v.say("more", number(uint64(n)))
	}
	return t
}

func (v auditView) totals() report.Section {
	lines := []string{v.say("logins", number(v.Logins), number(v.FailedLogins), number(v.Connections))}
	if v.Uploads+v.Downloads+v.Aborted > 0 {
		lines = append(lines, v.say("transfers", number(v.Uploads), size(v.BytesUp), number(v.Downloads), size(v.BytesDown), number(v.Aborted), number(v.Slow), number(v.Deletes)))
	}
	lines = append(lines, v.say("people", number(uint64(v.UserCount)), number(uint64(v.SourceCount))))
	if v.Assumed {
		lines = append(lines, v.say("zone", v.Zone))
	}
	if v.Guessed {
		lines = append(lines, v.say("year"))
	}
	if cut := slices.DeleteFunc(slices.Clone(v.Cut), func(s string) bool { return s == "twins" }); len(cut) > 0 {
		lines = append(lines, v.say("cut", strings.Join(cut, ", ")))
	}
	if slices.Contains(v.Cut, "twins") {
		lines = append(lines, v.say("twins-cut"))
	}
	foreign := uint64(0)
	for _, l := range v.Logs {
		foreign += l.Foreign
	}
	if foreign > 0 {
		lines = append(lines, v.say("foreign", number(foreign)))
	}
	if v.Twins > 0 {
		lines = append(lines, v.say("twins", number(v.Twins)))
	}
	if v.Filtered > 0 {
		lines = append(lines, v.say("filtered", number(v.Filtered)))
	}
	return report.Section{Title: v.say("totals"), Lines: lines}
}

func (v auditView) charts() []report.Section {
	if len(v.Timeline) < 2 {
		return nil
	}
	events, failures := &report.Chart{Height: 4}, &report.Chart{Height: 2}
	for _, b := range v.Timeline {
		events.Values = append(events.Values, b.Events)
		failures.Values = append(failures.Values, b.Failures)
	}
	first, last := v.Timeline[0].Start.Format("01-02 15:04"), v.Timeline[len(v.Timeline)-1].Start.Format("01-02 15:04")
	events.Ticks = first
	if gap := len(v.Timeline) - len(first) - len(last); gap > 0 {
		events.Ticks += strings.Repeat(" ", gap) + last
	}
	failures.Ticks = events.Ticks
	out := []report.Section{{Title: v.say("timeline", v.step(), number(slices.Max(events.Values))), Chart: events}}
	if peak := slices.Max(failures.Values); peak > 0 {
		out = append(out, report.Section{Title: v.say("failures", number(peak)), Chart: failures})
	}
	if v.Last.Sub(*v.First) >= 24*time.Hour {
		day := &report.Chart{Height: 3, Values: v.HoursOfDay[:], Ticks: "0     6     12    18   23"}
		busiest := v.Busiest[0]
		out = append(out, report.Section{
			Title: v.say("day", v.say("busiest", busiest.Start.Format("2006-01-02 15:00"), number(busiest.Events))), Chart: day,
		})
	}
	return out
}

func (v auditView) step() string {
	hours := v.Timeline[0].Seconds / 3600
	switch {
	case hours == 1:
		return v.say("1h")
	case hours%24 == 0:
		return v.say("days", hours/24)
	}
	return v.say("hours", hours)
}

func (v auditView) head(keys ...string) []string {
	for i, k := range keys {
		keys[i] = v.say(k)
	}
	return keys
}

// day writes a time as exactly as there is room for: of logs of one day, to the
// second.
func (v auditView) day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if v.First != nil && v.First.Format(time.DateOnly) == v.Last.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format("01-02 15:04")
}

func (v auditView) whoTitle() string {
	if len(v.Attacks) > 0 {
		return "who-else"
	}
	return "who"
}

func (v auditView) failures() *report.Table {
	t := &report.Table{Head: v.head("user", "address", "reason", "count", "since", "until"), Left: 3}
	guesses := map[string]bool{} // they have a table of their own
	for _, a := range v.Attacks {
		guesses[a.Source] = true
	}
	for _, f := range v.Failures {
		if guesses[f.Source] && guessed[f.Reason] {
			continue
		}
		reason := auditReasons[f.Reason][v.lang]
		t.Rows = append(t.Rows, []string{orDash(f.User), orDash(f.Source), reason, number(uint64(f.Count)), v.day(f.First), v.day(f.Last)})
	}
	return t
}

// guessed are the reasons for which a guessed login fails.
var guessed = map[string]bool{"rejected": true, "unknown-user": true, "user-denied": true, "too-many-attempts": true, "anonymous-disabled": true}

func (v auditView) attacks() *report.Table {
	t := &report.Table{Head: v.head("address", "bad", "names", "since", "until", "got-in"), Left: 1}
	for _, a := range v.Attacks {
		t.Rows = append(t.Rows, []string{a.Source, number(uint64(a.Failed)), number(uint64(a.Names)), v.day(a.First), v.day(a.Last), orDash(strings.Join(a.Succeeded, ", "))})
	}
	return t
}

func (v auditView) users() *report.Table {
	t := &report.Table{Head: v.head("user", "good", "bad", "up", "down", "aborted", "until"), Left: 1}
	for _, u := range v.Users {
		t.Rows = append(t.Rows, []string{
			u.Name, number(uint64(u.Logins)), number(uint64(u.Failed)), size(u.BytesUp), size(u.BytesDown), number(uint64(u.Aborted)), v.day(u.Last),
		})
	}
	return t
}

// transfers lists single transfers: by the name of the file alone, where not all
// is asked for.
func (v auditView) transfers(list []audit.TransferSummary) *report.Table {
	t := &report.Table{Head: v.head("when", "user", "file", ""), Left: 4}
	if v.verbose > 0 {
		t.Head, t.Left = v.head("when", "user", "address", "file", ""), 5
	}
	t.Head = append(t.Head, v.head("size", "rate")...)
	for _, m := range list {
		row := []string{"-", orDash(m.User)}
		if m.Time != nil {
			row[0] = v.day(*m.Time)
		}
		file := m.Path
		if v.verbose > 0 {
			row = append(row, orDash(m.Source))
		} else {
			file = file[strings.LastIndexAny(file, `/\`)+1:]
		}
		direction, bytes, rate := "", "-", "-"
		if m.Direction != "" {
			direction = v.say(m.Direction)
		}
		if m.Bytes != nil {
			bytes = size(*m.Bytes)
		}
		if m.Rate > 0 {
			rate = size(m.Rate)
		}
		t.Rows = append(t.Rows, append(row, orDash(file), direction, bytes, rate))
	}
	return t
}

func (v auditView) tls() *report.Table {
	t := &report.Table{Head: v.head("version", "count"), Left: 1}
	for _, c := range v.TLS {
		t.Rows = append(t.Rows, []string{c.Name, number(c.Count)})
	}
	return t
}

func (v auditView) logs() *report.Table {
	if len(v.Logs) < 2 && v.verbose == 0 {
		return nil
	}
	t := &report.Table{Head: v.head("log", "kind", "lines", "others", "strange"), Left: 2}
	for _, l := range v.Logs {
		t.Rows = append(t.Rows, []string{l.Name, l.Dialect, number(l.Lines), number(l.Foreign), number(l.Unknown)})
	}
	return t
}

// damage says what is not sound in Windows event logs.
func (v auditView) damage() []report.Section {
	var lines []string
	for _, l := range v.Logs {
		d := l.Damage
		if d == nil {
			continue
		}
		var what []string
		for _, w := range []struct {
			is  bool
			say string
		}{
			{d.Dirty, v.say("dirty")},
			{d.Header, v.say("header")},
			{d.Chunks > 0, v.say("chunks", number(d.Chunks))},
			{d.Records > 0, v.say("records", number(d.Records))},
			{d.Truncated, v.say("truncated")},
		} {
			if w.is {
				what = append(what, w.say)
			}
		}
		lines = append(lines, l.Name+": "+strings.Join(what, ", "))
	}
	if lines == nil {
		return nil
	}
	return []report.Section{{Title: v.say("damage"), Lines: lines}}
}

// strange shows lines that were not understood.
func (v auditView) strange() []report.Section {
	unknown := uint64(0)
	var lines []string
	for _, l := range v.Logs {
		unknown += l.Unknown
		for _, x := range l.Strange[:min(len(l.Strange), 3)] {
			lines = append(lines, x.Place+": "+x.Text)
		}
	}
	if unknown == 0 {
		return nil
	}
	return []report.Section{{Title: v.say("unknown", number(unknown), number(v.Lines)), Lines: lines}}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// number writes a number with its thousands apart.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes bytes for people.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	f := float64(n)
	i := 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
}

// visible drops what a terminal would obey.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}
