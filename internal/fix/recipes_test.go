package fix

import "testing"

func TestRuleInFile(t *testing.T) {
	const nft = "#!/usr/sbin/nft -f\nflush ruleset\ntable inet nat {\n\tchain input {\n\t\ttype nat hook input priority 100;\n\t}\n}\n" +
		"table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\ttcp dport 22 accept\n\t}\n}\n"
	const want = "#!/usr/sbin/nft -f\nflush ruleset\ntable inet nat {\n\tchain input {\n\t\ttype nat hook input priority 100;\n\t}\n}\n" +
		"table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\ttcp dport 21 accept\n\t\ttcp dport 22 accept\n\t}\n}\n"
	if got, ok := afterHook(nft, "inet filter", "input", "tcp dport 21 accept"); !ok || got != want {
		t.Errorf("%v: %s", ok, got)
	}
	if got, ok := afterHook(nft, "ip filter", "input", "accept"); ok || got != nft {
		t.Errorf("a chain that is not there: %s", got)
	}
	const saved = "*nat\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FTP - [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n"
	for chain, want := range map[string]string{
		"INPUT": "*nat\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FTP - [0:0]\n-A INPUT -j X\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n",
		"FTP":   "*nat\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FTP - [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A FTP -j X\nCOMMIT\n",
	} {
		if got, ok := beforeRules(saved, "filter", chain, "-j X"); !ok || got != want {
			t.Errorf("%s: %v: %s", chain, ok, got)
		}
	}
	if _, ok := beforeRules(saved, "mangle", "INPUT", "-j X"); ok {
		t.Error("a table that is not there")
	}
}

func TestField(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/bash\nlab:x:1:1::/home/lab:/usr/sbin/nologin\nlab2:x:2:2::/home/lab2:/bin/sh\n"
	got, err := field(passwd, "lab", 6, "/bin/x")
	if want := "root:x:0:0:root:/root:/bin/bash\nlab:x:1:1::/home/lab:/bin/x\nlab2:x:2:2::/home/lab2:/bin/sh\n"; err != nil || got != want {
		t.Errorf("%v: %s", err, got)
	}
	if _, err := field(passwd, "nobody", 6, "/bin/x"); err == nil {
		t.Error("an account that is not there was changed")
	}
}
