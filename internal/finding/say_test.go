package finding

import "testing"

func TestSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, en, zh string }{
		{"plain text stays", "550 No such file", "550 No such file", "550 No such file"},
		{"a phrase", "PUT /x → " + Say("the key"), "PUT /x → the key", "PUT /x → 密钥"},
		{"arguments, also in another order", Say("%s after %s", "ICMP", "5 ms"), "ICMP after 5 ms", "5 ms 后ICMP"},
		{"nested", Say("%s after %s", Say("refused"), "5 ms"), "refused after 5 ms", "5 ms 后被拒绝"},
		{"no phrase of ours", Say("never %s said", "was"), "never was said", "never was said"},
		{"a per cent sign that is none of ours", Say("100% of %d", "x"), "100% of %d", "100% of %d"},
		{"too few arguments", Say("%s after %s"), " after ", " 后"},
		{"foreign marks", "a\uE0F2b\uE0F0c\uE0F1d", "abcd", "abcd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Said(tt.in, English); got != tt.en {
				t.Errorf("in English: %q, want %q", got, tt.en)
			}
			if got := Said(tt.in, Chinese); got != tt.zh {
				t.Errorf("in Chinese: %q, want %q", got, tt.zh)
			}
		})
	}
}
