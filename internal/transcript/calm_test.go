package transcript

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	encodingutf16 "golang.org/x/text/encoding/unicode"

	"ftpdoctor/internal/finding"
)

// Texts that speak of no fault end without one: prose, other languages, source
// code, lists, configuration, and words that also occur in error messages.
func TestCalm(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             "",
		"blanks":              " \n\t\n\r\n ",
		"a greeting":          "Hello, could you please send me the report by Friday? Thanks!",
		"a poem":              "The harbour light turns round and round,\nthe night is long, the sea is wide,\nno ship is lost that once was found,\nand all that leaves comes with the tide.",
		"a Chinese poem":      "明月几时有，把酒问青天。\n不知天上宫阙，今夕是何年。",
		"German prose":        "Wir haben gestern die neue Software installiert. Danach lief alles wie gewohnt, und der Bericht wurde fertig.",
		"Japanese prose":      "昨日は天気が良かったので、公園を散歩しました。",
		"Russian prose":       "Вчера мы ходили в театр, и спектакль всем понравился.",
		"a recipe":            "Mix 500 g of flour with 250 ml of water.\nBake at 220 degrees for 425 seconds, then at 150 for ten minutes.",
		"a table":             "id,name,port\n1,web,443\n2,files,21\n3,shell,22\n",
		"a program":           "for i := range 10 {\n\tif err := run(i); err != nil {\n\t\treturn fmt.Errorf(\"run %d: %w\", i, err)\n\t}\n}",
		"a listing":           "drwxr-xr-x  2 web web 4096 Nov 23 18:00 .\n-rw-r--r--  1 web web  530 Nov 23 18:00 index.html\n-rw-r--r--  1 web web 1425 Nov 23 18:00 style.css",
		"a configuration":     "listen=YES\nanonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\npasv_min_port=40000\npasv_max_port=40050",
		"a question":          "How do I set up an FTP server for my family, and which port should I open?",
		"a plain log":         "2026-11-23 18:00:01 INFO started\n2026-11-23 18:00:02 INFO 12 jobs done\n2026-11-23 18:00:03 INFO stopped",
		"a help text":         "usage: lftp [OPTS] <site>\n  -f <file>   execute commands from the file and exit\n  -c <cmd>    execute the commands and exit",
		"numbers":             "21 22 990 443 8080\n3.14159 2.71828",
		"a mail's head":       "From: kim@example.org\nTo: lee@example.org\nSubject: the reports of November\nDate: Mon, 23 Nov 2026 18:00:00 +0000",
		"an apology in prose": "I was late because the road was closed and my appointment was refused.",
	} {
		r := Explain(text)
		if r.RootCause != nil {
			t.Errorf("%s: %s", name, r.RootCause.Code)
		}
		if r.Status == finding.Failed {
			t.Errorf("%s: %s", name, r.Status)
		}
	}
}

// Logs in the encodings of Windows are read as those in UTF-8.
func TestEncodings(t *testing.T) {
	const chinese, german = "状态: 正在连接 203.0.113.9:21...\r\n错误: 由于目标计算机积极拒绝，无法连接。\r\n", "Fehler:\tDie Wartezeit für die Verbindung ist abgelaufen\r\n"
	encoded := func(e encoding.Encoding, text string) string {
		s, err := e.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, c := range map[string]struct{ text, wants string }{
		"UTF-8":        {chinese, "service/refused"},
		"with a mark":  {"\uFEFF" + chinese, "service/refused"},
		"GBK":          {encoded(simplifiedchinese.GBK, chinese), "service/refused"},
		"UTF-16":       {encoded(encodingutf16.UTF16(encodingutf16.LittleEndian, encodingutf16.UseBOM), chinese), "service/refused"},
		"Windows-1252": {encoded(charmap.Windows1252, german), "net/port-filtered"},
		"damaged":      {chinese[:len(chinese)-40] + "\xff" + chinese[len(chinese)-40:], "service/refused"},
	} {
		r := Explain(c.text)
		if r.RootCause == nil || string(r.RootCause.Code) != c.wants {
			t.Errorf("%s: %v, want %s", name, r.RootCause, c.wants)
		}
	}
}

// Ten mebibytes of noise take bounded time and name no cause.
func TestNoise(t *testing.T) {
	size := MaxInput
	if testing.Short() {
		size /= 200
	}
	rnd := rand.New(rand.NewPCG(7, 11))
	anything := make([]byte, size)
	for i := range anything {
		anything[i] = byte(rnd.Uint32())
	}
	var lines strings.Builder
	for lines.Len() < size {
		for range 5 + rnd.IntN(60) {
			lines.WriteByte("abcdefghijklmnopqrstuvwxyz 0123456789:/.-"[rnd.IntN(41)])
		}
		lines.WriteByte('\n')
	}
	for name, text := range map[string]string{
		"bytes":       string(anything),
		"lines":       lines.String(),
		"one line":    strings.Repeat("x ", size/2),
		"empty lines": strings.Repeat("\n", size),
	} {
		r := Explain(text)
		if r.RootCause != nil {
			t.Errorf("%s: %s", name, r.RootCause.Code)
		}
	}
}
