package fix

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"ftpdoctor/internal/machine"
)

// Manager is who starts and stops a service on a machine.
type Manager string

// The managers.
const (
	Systemd Manager = "systemd"
	OpenRC  Manager = "openrc"
	Runit   Manager = "runit"
	SysV    Manager = "sysv"    // scripts in /etc/init.d
	Signals Manager = "signals" // nobody: the process is told by signals
)

// Action is what becomes of a service.
type Action string

// The actions.
const (
	Start   Action = "start"
	Stop    Action = "stop"
	Restart Action = "restart"
	Reload  Action = "reload" // sessions go on
	Enable  Action = "enable" // from now on at every start of the machine
	Unmask  Action = "unmask"
)

// Service starts, stops or enables a service.
type Service struct {
	Manager Manager `json:"manager"`
	Unit    string  `json:"unit"` // as the manager calls it; with Signals, the name of the program
	Action  Action  `json:"action"`
	PID     int     `json:"pid,omitempty"` // with Signals
}

func (s *Service) String() string {
	if s.Manager == Signals {
		return fmt.Sprintf("kill -HUP %d (%s)", s.PID, s.Unit)
	}
	return s.command(s.Action)
}

// command is how the manager is told.
func (s *Service) command(a Action) string {
	u := machine.Quote(s.Unit)
	switch s.Manager {
	case Systemd:
		return "systemctl " + string(a) + " " + u
	case OpenRC:
		if a == Enable {
			return "rc-update add " + u + " default"
		}
		return "rc-service " + u + " " + string(a)
	case Runit:
		return "sv " + map[Action]string{Start: "up", Stop: "down", Restart: "restart", Reload: "hup"}[a] + " " + u
	case SysV:
		if a == Enable {
			return "update-rc.d " + u + " defaults"
		}
		return "/etc/init.d/" + s.Unit + " " + string(a)
	}
	return ""
}

var serviceName = regexp.MustCompile(`^[A-Za-z0-9_.@:/-]{1,128}$`)

func (s *Service) look(ctx context.Context, m *machine.Machine) error {
	if !serviceName.MatchString(s.Unit) || strings.HasPrefix(s.Unit, "-") {
		return errors.New("not the name of a service")
	}
	switch {
	case s.Manager == Signals && s.Action == Reload && s.PID > 1:
	case s.Manager == Signals:
		return errors.New("no service manager is known that could do it")
	case s.Manager == Runit && (s.Action == Enable || s.Action == Unmask), s.Manager != Systemd && s.Action == Unmask:
		return fmt.Errorf("%s has no such thing", s.Manager)
	}
	out, err := m.Change(ctx, prelude+s.state())
	if err != nil {
		return err
	}
	if out.Exit != 0 {
		return errors.New("its state cannot be told: " + strings.TrimSpace(string(out.Stderr)))
	}
	return nil
}

// state is a script that prints "active=yes|no" and "enabled=WORD".
func (s *Service) state() string {
	u := machine.Quote(s.Unit)
	var active, enabled string
	switch s.Manager {
	case Systemd:
		active, enabled = "systemctl is-active --quiet "+u, "$(systemctl is-enabled "+u+" 2>/dev/null || :)"
	case OpenRC:
		active, enabled = "rc-service -q "+u+" status", "$(if rc-update show default | grep -qw -- "+u+"; then echo enabled; else echo disabled; fi)"
	case Runit:
		active, enabled = "sv status "+u+" | grep -q '^run: '", "enabled"
	case SysV:
		active, enabled = "/etc/init.d/"+s.Unit+" status >/dev/null 2>&1", "$(if ls /etc/rc[2345].d/S??"+s.Unit+" >/dev/null 2>&1; then echo enabled; else echo disabled; fi)"
	case Signals:
		active, enabled = fmt.Sprintf("kill -0 %d 2>/dev/null", s.PID), "-"
	}
	return "if " + active + "; then echo active=yes; else echo active=no; fi\necho enabled=" + enabled + "\n"
}

func (s *Service) check(int) string {
	if s.Manager == Signals { // the number may belong to another by now
		return fmt.Sprintf("[ \"$(cat /proc/%d/comm 2>/dev/null)\" = %s ] || refuse changed %[2]s\n", s.PID, machine.Quote(s.Unit))
	}
	return ""
}

func (s *Service) save(n int) string {
	return "{ " + s.state() + "} >\"$dir/save/" + fmt.Sprint(n) + "\" || refuse unsaved " + machine.Quote(s.Unit) + "\n"
}

func (s *Service) act(int) string {
	if s.Manager == Signals {
		return fmt.Sprintf("kill -HUP %d || refuse failed %s\n", s.PID, machine.Quote(s.Unit))
	}
	act := "umask 022\n" + s.command(s.Action) + " >&2 || refuse failed " + machine.Quote(s.String()) + "\n"
	if s.Action == Restart || s.Action == Start || s.Action == Reload {
		act += "i=0; until " + s.alive() + "; do i=$((i+1)); [ $i -lt 20 ] || refuse failed " + machine.Quote(s.Unit) + "; sleep 0.5; done\n"
	}
	return act
}

// alive is a condition: the service runs.
func (s *Service) alive() string {
	first, _, _ := strings.Cut(s.state(), ";")
	return strings.TrimPrefix(first, "if ")
}

// undo comes after the files are back: a service that ran reads them again.
func (s *Service) undo(n int) string {
	if s.Manager == Signals {
		return fmt.Sprintf("if [ \"$(cat /proc/%d/comm 2>/dev/null)\" = %s ]; then kill -HUP %[1]d; fi\n", s.PID, machine.Quote(s.Unit))
	}
	kept := fmt.Sprintf("\"$dir/save/%d\"", n)
	var b strings.Builder
	again := Restart
	if s.Action == Reload {
		again = Reload
	}
	// What counts is how it is in the end, not what the manager says of the way.
	until := func(condition string) string {
		return "i=0; until " + condition + "; do i=$((i+1)); if [ $i -ge 20 ]; then failed=1; break; fi; sleep 0.5; done"
	}
	fmt.Fprintf(&b, "umask 022\nif grep -q active=yes %s; then\npatiently %s || patiently %s\n%s\nelif %s; then\npatiently %s\n%s\nfi\n", kept,
		s.command(again), s.command(Restart), until(s.alive()), s.alive(), s.command(Stop), until("! { "+s.alive()+"; }"))
	switch {
	case s.Manager == Systemd && (s.Action == Enable || s.Action == Unmask):
		fmt.Fprintf(&b, "case $(sed -n s/^enabled=//p %s) in\nmasked) systemctl disable %[2]s; systemctl mask %[2]s || failed=1 ;;\ndisabled) systemctl disable %[2]s || failed=1 ;;\nesac\n", kept, machine.Quote(s.Unit))
	case s.Manager == OpenRC && s.Action == Enable:
		fmt.Fprintf(&b, "if grep -q enabled=disabled %s; then rc-update del %s default || failed=1; fi\n", kept, machine.Quote(s.Unit))
	case s.Manager == SysV && s.Action == Enable:
		fmt.Fprintf(&b, "if grep -q enabled=disabled %s; then update-rc.d -f %s remove || failed=1; fi\n", kept, machine.Quote(s.Unit))
	}
	return b.String()
}
