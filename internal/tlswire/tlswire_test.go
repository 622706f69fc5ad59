package tlswire

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// record frames a payload; message frames a handshake body.
func record(typ byte, payload ...byte) []byte {
	return append([]byte{typ, 3, 3, byte(len(payload) >> 8), byte(len(payload))}, payload...)
}

func message(typ byte, body ...byte) []byte {
	return append([]byte{typ, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

func serverHello(version, cipher uint16, extensions ...byte) []byte {
	body := append([]byte{byte(version >> 8), byte(version)}, make([]byte, 32)...)
	body = append(body, 0, byte(cipher>>8), byte(cipher), 0)
	if len(extensions) > 0 {
		body = append(body, byte(len(extensions)>>8), byte(len(extensions)))
		body = append(body, extensions...)
	}
	return message(msgServerHello, body...)
}

// oldFlight is a TLS 1.1 answer with DHE, a stapled response and a request for a
// client certificate.
func oldFlight() []byte {
	return slices.Concat(
		serverHello(TLS11, 0x0033, 0xFF, 0x01, 0, 1, 0),
		message(msgCertificate, 0, 0, 11, 0, 0, 3, 'o', 'n', 'e', 0, 0, 2, 't', 'w'),
		message(msgCertificateStatus, 1, 0, 0, 1, 'x'),
		message(msgServerKeyExchange, 0, 3, 0, 0x7F, 1, 0, 1, 2, 0, 1, 9, 0, 0),
		message(msgCertificateRequest, 1, 1, 0, 0),
		message(msgServerHelloDone),
	)
}

var oldAnswer = Answer{
	Version: TLS11, Cipher: 0x0033, Certificates: [][]byte{[]byte("one"), []byte("tw")}, CertBytes: 14,
	CertRequested: true, DHBits: 15, OCSPStapled: true, SecureRenegotiation: true, Extensions: []uint16{0xFF01},
}

func TestReadAnswerHoweverItIsCut(t *testing.T) {
	flight := oldFlight()
	for _, size := range []int{1, 2, 3, 5, 7, 50, len(flight)} {
		var stream []byte
		for part := range slices.Chunk(flight, size) {
			stream = append(stream, record(recordHandshake, part...)...)
		}
		for name, r := range map[string]io.Reader{
			"whole":     bytes.NewReader(stream),
			"by bytes":  iotest.OneByteReader(bytes.NewReader(stream)),
			"with EOF":  iotest.DataErrReader(bytes.NewReader(stream)),
			"by halves": iotest.HalfReader(bytes.NewReader(stream)),
		} {
			got, err := ReadAnswer(r)
			if err != nil {
				t.Errorf("records of %d, %s: %v", size, name, err)
			}
			if diff := cmp.Diff(oldAnswer, got); diff != "" {
				t.Errorf("records of %d, %s (-want +got):\n%s", size, name, diff)
			}
		}
	}
}

func TestReadAnswerCutShortKeepsWhatCame(t *testing.T) {
	stream := record(recordHandshake, oldFlight()...)
	stream = stream[:len(stream)-10]
	if _, err := ReadAnswer(bytes.NewReader(stream)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("within a record: %v", err)
	}
	got, err := ReadAnswer(bytes.NewReader(record(recordHandshake, serverHello(TLS12, 0x002F)...)))
	if !errors.Is(err, io.EOF) || got.Version != TLS12 || got.Cipher != 0x002F {
		t.Errorf("between records: %+v, %v", got, err)
	}
	if _, err := ReadAnswer(strings.NewReader("")); !errors.Is(err, io.EOF) {
		t.Errorf("nothing at all: %v", err)
	}
	if _, err := ReadAnswer(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("reader's own error: %v", err)
	}
}

func TestReadAnswerAlerts(t *testing.T) {
	warning := record(recordAlert, 1, 112)
	t.Run("fatal", func(t *testing.T) {
		got, err := ReadAnswer(bytes.NewReader(record(recordAlert, 2, 40)))
		if err != nil || got.Alert == nil || got.Alert.String() != "fatal handshake_failure" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("close_notify ends", func(t *testing.T) {
		got, err := ReadAnswer(bytes.NewReader(record(recordAlert, 1, 0)))
		if err != nil || got.Alert == nil || got.Alert.Name() != "close_notify" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("warning before ServerHello", func(t *testing.T) {
		got, err := ReadAnswer(bytes.NewReader(slices.Concat(warning, record(recordHandshake, oldFlight()...))))
		if err != nil || got.Alert != nil || len(got.Warnings) != 1 || got.Version != TLS11 {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("split over records", func(t *testing.T) {
		got, err := ReadAnswer(bytes.NewReader(slices.Concat(record(recordAlert, 2), record(recordAlert, 70))))
		if err != nil || got.Alert == nil || got.Alert.Name() != "protocol_version" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("warning and the end", func(t *testing.T) {
		got, err := ReadAnswer(bytes.NewReader(warning))
		if !errors.Is(err, io.EOF) || got.Alert == nil || got.Alert.Name() != "unrecognized_name" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("after ServerHello", func(t *testing.T) {
		got, err := ReadAnswer(bytes.NewReader(slices.Concat(record(recordHandshake, serverHello(TLS12, 0x002F)...), record(recordAlert, 2, 80))))
		if err != nil || got.Alert == nil || got.Version != TLS12 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestReadAnswerTLS13(t *testing.T) {
	hello := serverHello(TLS12, 0x1301, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 0x17)
	copy(hello[6:], helloRetryRandom)
	stream := slices.Concat(record(recordChangeCipherSpec, 1), record(recordHandshake, hello...), record(recordChangeCipherSpec, 1))
	got, err := ReadAnswer(bytes.NewReader(stream))
	want := Answer{Version: TLS13, Cipher: 0x1301, Group: GroupP256, HelloRetry: true, Extensions: []uint16{43, 51}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("err %v (-want +got):\n%s", err, diff)
	}
}

func TestReadAnswerResumed(t *testing.T) {
	stream := slices.Concat(record(recordHandshake, serverHello(TLS12, 0xC02F)...),
		record(recordHandshake, message(msgNewSessionTicket, 0, 0, 0, 0, 0, 0)...), record(recordChangeCipherSpec, 1), record(recordHandshake, 1, 2, 3))
	got, err := ReadAnswer(bytes.NewReader(stream))
	if err != nil || !got.Resumed || got.Cipher != 0xC02F {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReadAnswerNotTLS(t *testing.T) {
	for _, first := range []string{"220 ready\r\n", "HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-x\r\n", "2", "\xff\xfd\x01\xff\xfb", strings.Repeat("x", 2000)} {
		want := first[:min(len(first), maxNotTLS)]
		for name, r := range map[string]io.Reader{
			"whole":    strings.NewReader(first),
			"by bytes": iotest.OneByteReader(strings.NewReader(first)),
		} {
			got, err := ReadAnswer(r)
			if !errors.Is(err, ErrNotTLS) || string(got.NotTLS) != want || got.Version != 0 {
				t.Errorf("%.10q %s: %+v, %v", first, name, got, err)
			}
		}
	}
}

// stuck fails the test when it is read after its text is used up.
type stuck struct {
	t    *testing.T
	text []byte
}

func (s *stuck) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		s.t.Error("waits for more than the first line")
		return 0, io.EOF
	}
	n := copy(p, s.text)
	s.text = s.text[n:]
	return n, nil
}

func TestReadAnswerDoesNotWaitForMore(t *testing.T) {
	if _, err := ReadAnswer(&stuck{t, []byte("220 ready\r\n")}); !errors.Is(err, ErrNotTLS) {
		t.Error(err)
	}
	if _, err := ReadAnswer(&stuck{t, []byte("\xff\xfd\x01\xff\xfb")}); !errors.Is(err, ErrNotTLS) {
		t.Error(err)
	}
	if _, err := ReadAnswer(&stuck{t, record(recordHandshake, oldFlight()...)}); err != nil {
		t.Error(err)
	}
}

func TestReadAnswerSSLv2(t *testing.T) {
	body := []byte{4, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0, 'd', 'e', 'r'}
	got, err := ReadAnswer(bytes.NewReader(append([]byte{0x80, byte(len(body))}, body...)))
	if err != nil || got.Version != SSL20 || len(got.Certificates) != 1 || string(got.Certificates[0]) != "der" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = ReadAnswer(strings.NewReader("\x80\x03\x00\x00\x01"))
	if err != nil || got.Version != SSL20 || got.Alert == nil {
		t.Errorf("error: %+v, %v", got, err)
	}
}

func TestReadAnswerBadInput(t *testing.T) {
	hello := record(recordHandshake, serverHello(TLS12, 0xC02F)...)
	for name, stream := range map[string][]byte{
		"short ServerHello":        record(recordHandshake, message(msgServerHello, 3, 3)...),
		"strange version":          record(recordHandshake, serverHello(0x0505, 1)...),
		"extension cut":            record(recordHandshake, serverHello(TLS12, 1, 0, 16, 0, 9)...),
		"old supported_versions":   record(recordHandshake, serverHello(TLS12, 1, 0, 43, 0, 2, 3, 3)...),
		"Certificate first":        record(recordHandshake, message(msgCertificate, 0, 0, 0)...),
		"second ServerHello":       slices.Concat(hello, hello),
		"Finished in clear":        slices.Concat(hello, record(recordHandshake, message(20)...)),
		"key exchange cut":         slices.Concat(hello, record(recordHandshake, message(msgServerKeyExchange, 3, 0)...)),
		"certificate cut":          slices.Concat(hello, record(recordHandshake, message(msgCertificate, 0, 0, 4, 0, 0, 9, 1)...)),
		"application data":         record(recordApplicationData, 1, 2, 3),
		"interrupted message":      slices.Concat(record(recordHandshake, 2, 0, 0, 99), record(recordAlert, 2, 40)),
		"record too long":          {22, 3, 3, 0xFF, 0xFF},
		"text after a ServerHello": slices.Concat(hello, []byte("500 OOPS: vsftpd\r\n")),
	} {
		var bad *MalformedError
		if got, err := ReadAnswer(bytes.NewReader(stream)); !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	endless := io.MultiReader(bytes.NewReader(bytes.Repeat(record(recordHandshake), maxRecords+1)))
	if _, err := ReadAnswer(endless); !errors.Is(err, ErrTooLarge) {
		t.Errorf("endless empty records: %v", err)
	}
	for name, header := range map[string][]byte{
		"huge message":     {msgServerHello, 1, 0, 1},
		"huge certificate": {msgCertificate, 4, 0, 1},
	} {
		if _, err := ReadAnswer(bytes.NewReader(record(recordHandshake, header...))); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	hellos := map[string]Hello{"modern": Modern(), "legacy": Legacy10(), "post-quantum": PostQuantum()}
	for v := SSL30; v <= TLS13; v++ {
		hellos[VersionName(v)] = HelloFor(v)
	}
	for name, hello := range hellos {
		t.Run(name, func(t *testing.T) {
			hello.ServerName, hello.ALPN = "ftp.example.com.", []string{"ftp", "x"}
			b, err := hello.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseClientHello(b)
			if err != nil {
				t.Fatal(err)
			}
			if got.Version != hello.Version || !slices.Equal(got.Ciphers, hello.Ciphers) || !slices.Equal(got.KeyShares, hello.KeyShares) ||
				!slices.Equal(got.Groups, hello.Groups) || !slices.Equal(got.SigAlgs, hello.SigAlgs) {
				t.Errorf("got %+v", got)
			}
			if hello.Version == SSL30 {
				if len(got.Extensions) != 0 || !got.SecureRenegotiation {
					t.Errorf("SSLv3: got %+v", got)
				}
				return
			}
			if got.ServerName != "ftp.example.com" || !slices.Equal(got.ALPN, hello.ALPN) {
				t.Errorf("got %+v", got)
			}
			if hello.Version == TLS13 && (got.LegacyVersion != TLS12 || got.Versions[0] != TLS13 || len(got.SessionID) != 32) {
				t.Errorf("TLS 1.3: got %+v", got)
			}
		})
	}
}

func TestMarshalSize(t *testing.T) {
	// Some boxes hang on hellos of 256 to 511 bytes (RFC 7685 §1).
	for n := 1; n < 300; n++ {
		hello := Hello{Version: TLS12, Ciphers: make([]uint16, n)}
		b, err := hello.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if size := len(b) - recordHeaderLen; size > 255 && size < 512 {
			t.Fatalf("%d suites make a hello of %d bytes", n, size)
		}
		if _, err := ParseClientHello(b); err != nil {
			t.Fatalf("%d suites: %v", n, err)
		}
	}
	for v := SSL30; v <= TLS12; v++ {
		list := HelloFor(v).Ciphers
		if len(list) > 127 {
			t.Errorf("%s: %d suites, more than some old servers read", VersionName(v), len(list))
		}
		for _, c := range []uint16{0x002F, 0x000A, 0x0005} { // what an old server is sure to have
			if i := slices.Index(list, c); i < 0 || i >= 64 {
				t.Errorf("%s: %s is at %d, not among the first 64", VersionName(v), CipherName(c), i)
			}
		}
		if _, weak := WeakCipher(list[0]); weak {
			t.Errorf("%s: begins with %s", VersionName(v), CipherName(list[0]))
		}
	}
	long := HelloFor(TLS12)
	long.SessionTicket = make([]byte, 40000)
	b, err := long.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseClientHello(b); err != nil || !got.Resuming || int(b[3])<<8|int(b[4]) != maxPlaintext {
		t.Errorf("in several records: %v", err)
	}
}

func TestMarshalRefuses(t *testing.T) {
	noShare := HelloFor(TLS13)
	noShare.KeyShares = []uint16{GroupX448}
	longName := Modern()
	longName.ServerName = strings.Repeat("x", 70000)
	for name, hello := range map[string]Hello{
		"zero value": {}, "no suites": {Version: TLS12}, "SSLv2": {Version: SSL20, Ciphers: []uint16{1}},
		"future": {Version: 0x0305, Ciphers: []uint16{1}}, "key share we cannot make": noShare, "endless name": longName,
	} {
		if _, err := hello.Marshal(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNoServerNameForAddresses(t *testing.T) {
	for _, name := range []string{"192.0.2.1", "2001:db8::1", "[2001:db8::1]", ""} {
		hello := Modern()
		hello.ServerName = name
		b, err := hello.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseClientHello(b); err != nil || slices.Contains(got.Extensions, extServerName) {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

func TestWithoutLeavesTheOriginal(t *testing.T) {
	hello := Modern()
	n := len(hello.Ciphers)
	less := hello.Without(0x1301, 0x1302)
	if len(less.Ciphers) != n-2 || len(hello.Ciphers) != n || slices.Contains(less.Ciphers, 0x1301) {
		t.Errorf("%d left of %d, original has %d", len(less.Ciphers), n, len(hello.Ciphers))
	}
}

func TestParseClientHelloGREASE(t *testing.T) {
	hello := Modern()
	hello.Ciphers = append([]uint16{0x2A2A, fallbackSCSV}, 0x1301)
	hello.Groups = append([]uint16{0x8A8A}, GroupX25519)
	b, err := hello.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseClientHello(b)
	if err != nil || !slices.Equal(got.Ciphers, []uint16{0x1301}) || !slices.Equal(got.Groups, []uint16{GroupX25519}) || !got.Fallback {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseClientHelloSSLv2(t *testing.T) {
	body := []byte{1, 3, 1, 0, 9, 0, 0, 0, 4, 0, 0, 5, 7, 0, 0xC0, 0, 0, 0xFF, 1, 2, 3, 4}
	got, err := ParseClientHello(append([]byte{0x80, byte(len(body))}, body...))
	want := ClientHelloInfo{SSLv2: true, Version: TLS10, LegacyVersion: TLS10, Ciphers: []uint16{5}, SecureRenegotiation: true}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("err %v (-want +got):\n%s", err, diff)
	}
}

// supported_versions overrules client_version, and client_version can name TLS 1.2
// at most (RFC 8446 §4.2.1).
func TestParseClientHelloVersion(t *testing.T) {
	body := func(legacy byte, extensions ...byte) []byte {
		b := append([]byte{3, legacy}, make([]byte, 32)...)
		b = append(b, 0, 0, 2, 0x13, 1, 1, 0, 0, byte(len(extensions)))
		return record(recordHandshake, message(msgClientHello, append(b, extensions...)...)...)
	}
	for name, test := range map[string]struct {
		hello []byte
		want  uint16
	}{
		"list below":  {body(3, 0, 43, 0, 3, 2, 3, 2), TLS11},
		"list above":  {body(3, 0, 43, 0, 5, 4, 0x0A, 0x0A, 3, 4), TLS13},
		"legacy only": {body(1), TLS10},
		"legacy 1.3":  {body(4), TLS12},
	} {
		if got, err := ParseClientHello(test.hello); err != nil || got.Version != test.want {
			t.Errorf("%s: %s, %v", name, VersionName(got.Version), err)
		}
	}
}

func TestParseClientHelloErrors(t *testing.T) {
	b, err := Modern().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if _, err := ParseClientHello(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := ParseClientHello([]byte("USER anonymous\r\n")); !errors.Is(err, ErrNotTLS) {
		t.Errorf("text: %v", err)
	}
	var bad *MalformedError
	for name, stream := range map[string][]byte{
		"alert":       record(recordAlert, 2, 40),
		"ServerHello": record(recordHandshake, serverHello(TLS12, 1)...),
		"too short":   record(recordHandshake, message(msgClientHello, 3, 3)...),
	} {
		if _, err := ParseClientHello(stream); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClearAlerts(t *testing.T) {
	hello, err := Modern().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	stream := slices.Concat(hello, record(recordAlert, 2, 48), record(recordChangeCipherSpec, 1), record(recordAlert, 2, 40))
	if got := ClearAlerts(stream); len(got) != 1 || got[0].Name() != "unknown_ca" {
		t.Errorf("got %v", got)
	}
	if got := ClearAlerts([]byte("220 ready\r\n")); got != nil {
		t.Errorf("text: got %v", got)
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		VersionName(TLS10): "TLS 1.0", VersionName(SSL30): "SSLv3", VersionName(0x7F1C): "TLS 1.3 draft 28", VersionName(9): "unknown version 0x0009",
		CipherName(0xC02F): "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherName(0x2A2A): "GREASE 0x2A2A", CipherName(0xEE01): "unknown cipher 0xEE01",
		GroupName(0x11EC): "X25519MLKEM768", SigAlgName(0x0804): "rsa_pss_rsae_sha256", SigAlgName(0x0402): "dsa_sha256", SigAlgName(0x0999): "unknown signature scheme 0x0999",
		AlertName(86): "inappropriate_fallback", AlertName(200): "unknown alert 200",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for v := SSL30; v <= TLS13; v++ {
		hello := HelloFor(v)
		for _, g := range hello.Groups {
			if strings.HasPrefix(GroupName(g), "unknown") {
				t.Errorf("group 0x%04X is offered and has no name", g)
			}
		}
		for _, s := range hello.SigAlgs {
			if strings.HasPrefix(SigAlgName(s), "unknown") {
				t.Errorf("signature scheme 0x%04X is offered and has no name", s)
			}
		}
		for _, c := range hello.Ciphers {
			if strings.HasPrefix(CipherName(c), "unknown") {
				t.Errorf("suite 0x%04X is offered and has no name", c)
			}
		}
	}
}

func TestWeakCipher(t *testing.T) {
	for c, want := range map[uint16]string{
		0x0001: "NULL", 0x0003: "export", 0x0004: "RC4", 0x0009: "single DES", 0x000A: "3DES", 0x0018: "anonymous",
		0x0007: "IDEA", 0xC0B4: "NULL", 0x0062: "export", 0xC016: "anonymous", 0x0024: "RC4 is broken (RFC 7465); MD5", 0x0000: "NULL",
		0x002F: "", 0xC02F: "", 0x1301: "", 0x0035: "", 0x00FF: "", 0x5600: "", 0xEEEE: "", 0x0084: "",
	} {
		why, weak := WeakCipher(c)
		if weak != (want != "") || !strings.Contains(why, want) {
			t.Errorf("%s: %q, %v; want %q", CipherName(c), why, weak, want)
		}
	}
	for c, want := range map[uint16]bool{0x1301: true, 0xC02F: true, 0x0033: true, 0x0018: true, 0x002F: false, 0xC00E: false, 0x0010: false} {
		if got := ForwardSecret(c); got != want {
			t.Errorf("ForwardSecret(%s) = %v", CipherName(c), got)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(record(recordHandshake, oldFlight()...))
	f.Add(record(recordAlert, 1, 112, 2, 40))
	f.Add([]byte("220 ready\r\n"))
	f.Add([]byte{0x80, 14, 4, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0, 'd', 'e', 'r'})
	f.Add(record(recordHandshake, serverHello(TLS12, 0x1301, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 0x17)...))
	f.Add(slices.Concat(record(recordHandshake, serverHello(TLS12, 0xC02F, 0, 16, 0, 5, 0, 3, 2, 'h', '2')...),
		record(recordHandshake, message(msgServerKeyExchange, 3, 0, 29, 1, 4, 8, 4)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := ReadAnswer(bytes.NewReader(b))
		if err == nil && whole.Version == 0 && whole.Alert == nil {
			t.Errorf("no error and no answer: %+v", whole)
		}
		if errors.Is(err, ErrNotTLS) != (len(whole.NotTLS) > 0) {
			t.Errorf("NotTLS %q with error %v", whole.NotTLS, err)
		}
		size := 0
		for _, der := range whole.Certificates {
			size += len(der)
		}
		if size > len(b) {
			t.Errorf("%d bytes of certificates out of %d", size, len(b))
		}
		if whole.NotTLS != nil { // how much is quoted hangs on the reads
			return
		}
		bitwise, err2 := ReadAnswer(iotest.OneByteReader(bytes.NewReader(b)))
		if diff := cmp.Diff(whole, bitwise); diff != "" || (err == nil) != (err2 == nil) {
			t.Errorf("read whole (%v) and by bytes (%v) differ:\n%s", err, err2, diff)
		}
		ClearAlerts(b)
	})
}

func FuzzParseClientHello(f *testing.F) {
	for _, hello := range []Hello{Modern(), Legacy10(), PostQuantum(), HelloFor(SSL30), HelloFor(TLS12)} {
		hello.ServerName, hello.ALPN = "ftp.example.com", []string{"ftp"}
		b, err := hello.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0x80, 13, 1, 3, 1, 0, 3, 0, 0, 0, 1, 0, 0, 5, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := ParseClientHello(b)
		if err != nil || info.SSLv2 || info.Version < SSL30 || info.Version > TLS13 || len(info.Ciphers) == 0 {
			return
		}
		// What was read, offered again, must read the same.
		hello := Hello{Version: info.Version, MinVersion: SSL30, Ciphers: info.Ciphers}
		if info.Version > SSL30 {
			hello.ServerName, hello.ALPN, hello.Groups = info.ServerName, info.ALPN, info.Groups
		}
		again, err := hello.Marshal()
		if err != nil {
			t.Skip("more than a hello can hold")
		}
		got, err := ParseClientHello(again)
		if err != nil {
			t.Fatalf("%+v reads as error %v", hello, err)
		}
		if got.Version != hello.Version || !slices.Equal(got.Ciphers, hello.Ciphers) || !slices.Equal(got.Groups, hello.Groups) ||
			!slices.Equal(got.ALPN, hello.ALPN) || got.ServerName != sniName(hello.ServerName) {
			t.Errorf("offered %+v, read %+v", hello, got)
		}
	})
}
