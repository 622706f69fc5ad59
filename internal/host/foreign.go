package host

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
)

// powershell runs a command of PowerShell.
func (l *look) powershell(command string) ran {
	return l.run("powershell", "-NoProfile", "-NonInteractive", "-Command", command)
}

// windowsServices are the services that an inspection knows.
var windowsServices = map[string]string{
	"ftpsvc": "iis", "w3svc": "iis-web", "sshd": "openssh", "filezilla-server": "filezilla-server", "filezilla server": "filezilla-server",
}

// parseGetService reads `Get-CimInstance Win32_Service | ConvertTo-Json`: a list, or one
// object where there is one. `Get-Service` alone gives numbers for the state.
func parseGetService(out string) []unit {
	type entry struct {
		Name      string          `json:"Name"`
		State     string          `json:"State"`
		Status    json.RawMessage `json:"Status"`
		StartMode string          `json:"StartMode"`
		StartType json.RawMessage `json:"StartType"`
		ProcessID int             `json:"ProcessId"`
		ExitCode  int             `json:"ExitCode"`
	}
	text := []byte(strings.TrimPrefix(strings.TrimSpace(out), "\ufeff"))
	var list []entry
	if json.Unmarshal(text, &list) != nil {
		var one entry
		if json.Unmarshal(text, &one) != nil || one.Name == "" {
			return nil
		}
		list = []entry{one}
	}
	var all []unit
	for _, e := range list {
		if e.Name == "" || len(all) >= maxRows {
			continue
		}
		u := unit{Name: e.Name, Load: "loaded", PID: e.ProcessID, Status: e.ExitCode, Manager: "Get-Service"}
		status := journalText(e.Status)
		var n int
		_ = json.Unmarshal(e.Status, &n) // a word or a number
		switch {
		case e.State == "Running" || status == "Running" || n == 4:
			u.Active, u.Sub = "active", "Running"
		case e.ExitCode != 0 && e.ExitCode != 1077: // ERROR_SERVICE_NEVER_STARTED
			u.Active, u.Sub, u.Result = "failed", "Stopped", "exit-code"
		default:
			u.Active, u.Sub = "inactive", "Stopped"
		}
		mode := e.StartMode
		if mode == "" {
			mode = journalText(e.StartType)
			_ = json.Unmarshal(e.StartType, &n)
			if mode == "" {
				mode = map[int]string{2: "Auto", 3: "Manual", 4: "Disabled"}[n]
			}
		}
		u.Enabled = "disabled"
		if strings.HasPrefix(mode, "Auto") {
			u.Enabled = "enabled"
		}
		all = append(all, u)
	}
	return all
}

func (l *look) windowsUnits() units {
	r := l.powershell("Get-CimInstance Win32_Service | Select-Object Name,State,StartMode,ProcessId,ExitCode | ConvertTo-Json -Compress")
	return units{parseGetService(r.out), "windows"}
}

// parseTasklist reads `tasklist /fo csv /nh`: "name","pid","session",…
func parseTasklist(out string) map[int]string {
	all := map[int]string{}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), `","`)
		if len(f) < 2 || len(all) >= maxRows {
			continue
		}
		if pid, err := strconv.Atoi(strings.Trim(f[1], `"`)); err == nil {
			all[pid] = strings.TrimSuffix(strings.TrimPrefix(f[0], `"`), ".exe")
		}
	}
	return all
}

func (l *look) windowsPrograms(ls []Listener) []Listener {
	names := parseTasklist(l.run("tasklist", "/fo", "csv", "/nh").out)
	for i := range ls {
		ls[i].Program = names[ls[i].PID]
	}
	return ls
}

// parseLaunchctl reads `launchctl list`: process, last exit status, label.
func parseLaunchctl(out string) []unit {
	var all []unit
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] == "PID" || len(all) >= maxRows {
			continue
		}
		status, err := strconv.Atoi(f[1])
		if err != nil {
			continue
		}
		u := unit{Name: f[2], Load: "loaded", Enabled: "enabled", Status: status, Sub: line, Manager: "launchctl list"}
		switch pid, err := strconv.Atoi(f[0]); {
		case err == nil:
			u.Active, u.PID = "active", pid
		case status != 0:
			u.Active, u.Result = "failed", "exit-code"
		default:
			u.Active = "inactive"
		}
		all = append(all, u)
	}
	return all
}

func (l *look) darwinUnits() units {
	return units{parseLaunchctl(l.run("launchctl", "list").out), "launchd"}
}

func (l *look) darwinSockets() sockets {
	r := l.run("lsof", "-nP", "-iTCP", "-sTCP:LISTEN", "-Fpcn")
	n := l.run("netstat", "-an", "-p", "tcp")
	ls, cs := parseNetstat(n.out, darwin)
	if own := parseLsof(r.out); len(own) > 0 {
		ls = own
	}
	return sockets{ls, cs, "lsof -nP -iTCP -sTCP:LISTEN", r.ok() || n.ok()}
}

// foreignServers puts services and sockets together on Windows and macOS, where
// a service names its server well enough.
func (l *look) foreignServers() []*Server {
	var all []*Server
	for _, u := range l.units().all {
		name := strings.ToLower(u.Name)
		kindName := windowsServices[name]
		if l.sys.OS == darwin {
			kindName = ""
			switch base := path.Base(strings.ReplaceAll(name, ".", "/")); {
			case name == "com.openssh.sshd":
				kindName = "openssh"
			case slices.Contains([]string{"vsftpd", "proftpd", "pure-ftpd"}, base):
				kindName = base
			}
		}
		if kindName == "" {
			continue
		}
		family := map[string]string{"openssh": SSH, "iis-web": HTTP}[kindName]
		if family == "" {
			family = FTP
		}
		s := &Server{Kind: kindName, Family: family, Unit: u.Name, State: u.Active, Enabled: u.Enabled, PID: u.PID}
		for _, x := range l.sockets().listeners {
			if x.PID != 0 && x.PID == u.PID || slices.Contains(usualPorts[family], x.Port) && u.Active == "active" {
				s.Listeners = append(s.Listeners, x)
			}
		}
		s.settings = l.readSettings(s)
		all = append(all, s)
	}
	return all
}
