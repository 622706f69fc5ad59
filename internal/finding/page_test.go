package finding

import "testing"

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
