package finding

import (
	"slices"
	"testing"
)

func TestCommandsHoldNoForeignShell(t *testing.T) {
	in := []Remedy{{Who: "server", Text: "see {reply}", Commands: []string{"ls {path}", "ftpdoctor check {target}"}, Verify: "cat {path}"}}
	args := map[string]string{"path": "$(reboot)", "reply": "550 `x`", "target": "ftp://[2001:db8::1]:2121/a%20b"}
	got := applicable(in, args, "")[0]
	if got.Commands[0] != "ls <path>" || got.Verify != "cat <path>" {
		t.Errorf("a hostile value is in a command: %q, %q", got.Commands, got.Verify)
	}
	if got.Commands[1] != "ftpdoctor check ftp://[2001:db8::1]:2121/a%20b" {
		t.Errorf("an ordinary value is missing: %q", got.Commands[1])
	}
	if got.Text != "see 550 `x`" {
		t.Errorf("text = %q", got.Text)
	}
}

func TestFill(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"The answer[[: {reply}]] is no.", "The answer: 530 is no."},
		{"The answer[[: {other}]] is no.", "The answer is no."},
		{"At {host} port {port}", "At h port <port>"},
	} {
		if got := fill(c.in, map[string]string{"reply": "530", "host": "h"}); got != c.want {
			t.Errorf("fill(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestSystemOf(t *testing.T) {
	for software, want := range map[string]string{
		"vsFTPd 3.0.5": "vsftpd", "Microsoft FTP Service": "iis", "Microsoft-IIS/10.0": "iis",
		"Apache": "apache", "Apache/2.4.57 (Debian)": "apache", "Apache-Coyote/1.1": "", "Apache FtpServer 1.2": "",
		"nginx/1.22.1": "nginx", "cloudflare": "", "": "",
	} {
		if got := SystemOf(software); got != want {
			t.Errorf("SystemOf(%q) = %q, want %q", software, got, want)
		}
	}
}

// What names itself nginx may be the proxy before any server, so that nothing
// may be left out; Apache names itself only where it is the server.
func TestRemediesBehindAProxy(t *testing.T) {
	all := []Remedy{{System: ""}, {System: "apache"}, {System: "nginx"}, {System: "iis"}, {System: "haproxy"}}
	for software, want := range map[string][]string{
		"":             {"", "apache", "nginx", "iis", "haproxy"},
		"nginx/1.22.1": {"", "apache", "nginx", "iis", "haproxy"},
		"cloudflare":   {"", "apache", "nginx", "iis", "haproxy"},
		"Apache/2.4":   {"", "apache", "haproxy"},
		"WsgiDAV/4.3":  {"", "haproxy"},
	} {
		var got []string
		for _, r := range applicable(all, nil, software) {
			got = append(got, r.System)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: remedies for %q, want %q", software, got, want)
		}
	}
}
