package fix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/conf"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/machine"
)

// ErrNoRecipe says that nothing here mends a finding: its page says what a
// person can do.
var ErrNoRecipe = errors.New("no recipe")

// Left is a finding that a plan does not mend, and why.
type Left struct {
	Code finding.Code
	Err  error // ErrNoRecipe, or what stood in the way of its recipe
}

// For makes the plan that mends what a report of both sides found on the
// machine: its root cause, or with only the findings of those codes. A plan
// without changes comes with ErrEmpty, and may have steps for a person.
func For(ctx context.Context, m *machine.Machine, rep *finding.Report, only ...finding.Code) (*Plan, []Left, error) {
	s := &site{ctx: ctx, m: m, report: rep, docs: map[string]*conf.Document{}, texts: map[string]string{}}
	if rep.Host != nil {
		b, err := json.Marshal(rep.Host)
		if err == nil {
			err = json.Unmarshal(b, &s.facts)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("the report's facts about the machine: %w", err)
		}
	}
	var left []Left
	var mends []finding.Code
	for _, f := range rep.Findings {
		if len(only) == 0 && (rep.RootCause == nil || f.Code != rep.RootCause.Code) || len(only) > 0 && !slices.Contains(only, f.Code) {
			continue
		}
		if slices.Contains(mends, f.Code) && f.Subject == "" {
			continue
		}
		if err := s.mend(f); err != nil {
			left = append(left, Left{f.Code, err})
			continue
		}
		mends = append(mends, f.Code)
	}
	changes, err := s.changes()
	if err != nil {
		return nil, left, err
	}
	p, err := New(ctx, m, changes...)
	if err != nil {
		return nil, left, err
	}
	p.Target, p.Mends, p.Manual = rep.Target, slices.Compact(mends), s.manual
	if len(changes) == 0 {
		return p, left, ErrEmpty
	}
	return p, left, nil
}

// facts are those of the report's inspection of the machine that recipes use.
type facts struct {
	Servers  []server `json:"servers"`
	Firewall struct {
		Judged []passage `json:"judged"`
	} `json:"firewall"`
	Account *account `json:"account"`
}

type server struct {
	Kind    string `json:"kind"`
	Family  string `json:"family"`
	Unit    string `json:"unit"`
	State   string `json:"state"`
	Enabled string `json:"enabled"`
	PID     int    `json:"pid"`
	Config  string `json:"config"`
	Command string `json:"command"`
}

type passage struct {
	From    string `json:"from"`
	Proto   string `json:"proto"`
	Port    uint16 `json:"port"`
	Through uint16 `json:"through"`
	Action  string `json:"action"`
	Rule    string `json:"rule"`
	Where   string `json:"where"` // "nft: table inet filter, chain input, rule 3"
	Tool    string `json:"tool"`
}

type account struct {
	Name  string `json:"name"`
	UID   int    `json:"uid"`
	GID   int    `json:"gid"`
	Home  string `json:"home"`
	Shell string `json:"shell"`
}

// site is the machine as recipes see it: what was found, and what the plan has
// changed so far.
type site struct {
	ctx    context.Context
	m      *machine.Machine
	report *finding.Report
	facts  facts

	docs   map[string]*conf.Document // as the plan leaves them
	texts  map[string]string         // of other files, likewise
	files  []*Change                 // of docs and texts, in the order of their first change
	others []Change
	manual []Manual
}

// mend runs the recipe of a finding. One that fails leaves no trace.
func (s *site) mend(f *finding.Finding) error {
	r, ok := recipes[f.Code]
	if !ok {
		return ErrNoRecipe
	}
	kept := *s
	kept.docs, kept.texts = maps.Clone(s.docs), maps.Clone(s.texts)
	kept.files, kept.others, kept.manual = slices.Clone(s.files), slices.Clone(s.others), slices.Clone(s.manual)
	if err := r(s, f); err != nil {
		*s = kept
		return err
	}
	return nil
}

// changes are those of all recipes, one for each file and each service.
func (s *site) changes() ([]Change, error) {
	var all []Change
	for _, c := range s.files {
		if d, ok := s.docs[c.File.Path]; ok {
			c.File.Content = string(d.Bytes())
		} else {
			c.File.Content = s.texts[c.File.Path]
		}
		all = append(all, *c)
	}
	for _, c := range s.others {
		twice := slices.ContainsFunc(all, func(a Change) bool {
			return a.Service != nil && c.Service != nil && a.Service.Unit == c.Service.Unit && a.Service.Action == c.Service.Action
		})
		if !twice {
			all = append(all, c)
		}
	}
	return all, nil
}

// server is the one that a finding is about: by its name, or of the family of
// the checked service.
func (s *site) server(f *finding.Finding) (server, error) {
	name := f.Args["name"]
	for _, x := range s.facts.Servers {
		if x.Kind == f.Subject || x.Kind == name && name != "" {
			return x, nil
		}
	}
	family := "ftp"
	switch scheme, _, _ := strings.Cut(s.report.Target, ":"); scheme {
	case "sftp":
		family = "ssh"
	case "dav", "davs", "http", "https":
		family = "http"
	}
	var found []server
	for _, x := range s.facts.Servers {
		if x.Family == family && x.PID != 0 {
			found = append(found, x)
		}
	}
	if len(found) == 0 {
		for _, x := range s.facts.Servers {
			if x.Family == family {
				found = append(found, x)
			}
		}
	}
	if len(found) != 1 {
		return server{}, refuse(whyDServersCouldBeMeant, len(found))
	}
	return found[0], nil
}

// confKinds are the servers whose configuration can be edited.
var confKinds = map[string]conf.Kind{"vsftpd": conf.VSFTPD, "proftpd": conf.ProFTPD, "pure-ftpd": conf.PureFTPD, "openssh": conf.SSHD}

// text is a file as the plan leaves it so far; one that is not there is empty.
func (s *site) text(name string) (string, error) {
	if d, ok := s.docs[name]; ok {
		return string(d.Bytes()), nil
	}
	if t, ok := s.texts[name]; ok {
		return t, nil
	}
	b, err := s.m.ReadFile(s.ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// file is the change of a file, made at its first use.
func (s *site) file(name string, why string, risks ...Risk) (*Change, error) {
	for _, c := range s.files {
		if c.File.Path == name {
			for _, r := range risks {
				if !slices.Contains(c.Risks, r) {
					c.Risks = append(c.Risks, r)
				}
			}
			return c, nil
		}
	}
	before, err := s.text(name)
	if err != nil {
		return nil, err
	}
	c := &Change{Why: why, Risks: risks, File: &File{Path: name, Before: before}}
	s.files = append(s.files, c)
	return c, nil
}

// rewrite gives a file another text.
func (s *site) rewrite(name, why string, f func(string) (string, error), risks ...Risk) error {
	old, err := s.text(name)
	if err != nil {
		return err
	}
	text, err := f(old)
	if err != nil {
		return err
	}
	if text == old {
		return ErrSame
	}
	if _, err := s.file(name, why, risks...); err != nil {
		return err
	}
	s.texts[name] = text
	return nil
}

// edit changes the configuration of a server: the statement that takes effect,
// in whichever of its files it stands, or a new one in the main file. test is
// the server's own check.
func (s *site) edit(x server, why string, risks []Risk, f func(*conf.Document) []conf.Edit) error {
	k, ok := confKinds[x.Kind]
	if !ok || x.Config == "" {
		return refuse(whyTheConfigurationOfSCannotBe, x.Kind)
	}
	doc, ok := s.docs[x.Config]
	if !ok {
		b, err := s.m.ReadFile(s.ctx, x.Config)
		if err != nil {
			return err
		}
		doc, _ = conf.Parse(k, x.Config, b)
	}
	edits := f(doc)
	if len(edits) == 0 {
		return ErrSame
	}
	changed, err := doc.Apply(edits...)
	if err != nil {
		return err
	}
	c, err := s.file(x.Config, why, risks...)
	if err != nil {
		return err
	}
	c.File.Test = test(x)
	s.docs[x.Config] = changed
	return nil
}

// set gives one setting a value.
func (s *site) set(x server, why string, risks []Risk, name string, args ...string) error {
	return s.edit(x, why, risks, func(d *conf.Document) []conf.Edit { return []conf.Edit{d.Set(name, args...)} })
}

// test is the server's own check of its configuration, of those that have one.
func test(x server) []string {
	program := strings.Fields(x.Command)
	switch x.Kind {
	case "proftpd":
		return []string{"proftpd", "-t", "-c", x.Config}
	case "openssh":
		if len(program) > 0 && path.IsAbs(program[0]) && path.Base(program[0]) == "sshd" {
			return []string{program[0], "-t", "-f", x.Config}
		}
		return []string{"sshd", "-t", "-f", x.Config}
	}
	return nil
}

// add plans a change that is no edit of a file.
func (s *site) add(c Change) { s.others = append(s.others, c) }

// service plans what makes a server read its configuration again, or starts it.
func (s *site) service(x server, a Action) error {
	c := Change{Service: &Service{Unit: x.Unit, Action: a, PID: x.PID}}
	switch {
	case x.Unit != "" && s.is("-d", "/run/systemd/system"):
		c.Service.Manager = Systemd
	case x.Unit != "" && s.is("-d", "/etc/service/"+path.Base(x.Unit)):
		c.Service.Manager = Runit
	case x.Unit != "" && s.is("-x", "/sbin/openrc-run"):
		c.Service.Manager = OpenRC
	case s.script(x) != "":
		c.Service.Manager, c.Service.Unit = SysV, s.script(x)
	default:
		b, err := s.m.ReadFile(s.ctx, fmt.Sprintf("/proc/%d/comm", x.PID))
		if x.PID == 0 || err != nil || x.Kind == "vsftpd" || x.Kind == "pure-ftpd" {
			// vsftpd 3.0.3 announces 0.0.0.0 after a SIGHUP that brought pasv_address,
			// and keeps its certificate; Pure-FTPd takes its options when it starts.
			return refuse(whyNoServiceManagerIsKnownThat)
		}
		c.Service.Manager, c.Service.Unit, c.Service.Action = Signals, strings.TrimSpace(string(b)), Reload
	}
	switch {
	case c.Service.Action == Restart:
		c.Risks = []Risk{DropsSessions, RestartsService}
	case c.Service.Manager == Signals:
		c.Risks = []Risk{RestartsService}
	}
	s.add(c)
	return nil
}

// script is the script in /etc/init.d that starts a server. One that does not
// know of the process that runs has not started it.
func (s *site) script(x server) string {
	name := x.Kind
	if n := initName[x.Kind]; n != "" {
		name = n
	}
	if !s.is("-x", "/etc/init.d/"+name) {
		return ""
	}
	if x.PID != 0 { // its pid file says whom it has started
		out, err := s.m.Change(s.ctx, prelude+`grep -qxsF "$1" /run/*.pid /run/*/*.pid /var/run/*.pid`, strconv.Itoa(x.PID))
		if err != nil || out.Exit != 0 {
			return ""
		}
	}
	return name
}

// initName is what Debian calls the script of a server, where not as the server.
var initName = map[string]string{"openssh": "ssh", "apache": "apache2"}

// is is a test of the shell.
func (s *site) is(op, name string) bool {
	out, err := s.m.Run(s.ctx, "test", op, name)
	return err == nil && out.Exit == 0
}

// reload makes a server read its configuration: softly where it can.
func (s *site) reload(x server) error {
	switch x.Kind {
	case "vsftpd", "pure-ftpd": // which read some of it only at their start
		return s.service(x, Restart)
	}
	return s.service(x, Reload)
}
