package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// winEvent is an event to be written.
type winEvent struct {
	provider string
	id       int
	at       time.Time
	pid      int
	data     [][2]string // in EventData
	user     [][2]string // in UserData/EventXML, as OpenSSH writes
}

// evtxWriter writes files of the Windows event log as its specification has
// them ([MS-EVEN6], and libyal's working document): by templates, as Windows
// does, or without, as forwarded events are.
type evtxWriter struct {
	templates bool
	file      []byte
	chunk     []byte
	names     map[string]int
	defined   map[string]int
	record    uint64
	first     uint64
	last      int // where the last record of the chunk begins
	values    []binValue
}

type binValue struct {
	kind byte
	data []byte
}

var order = binary.LittleEndian

func wide(s string) []byte {
	var out []byte
	for _, c := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, c)
	}
	return out
}

func (w *evtxWriter) begin() {
	w.chunk = make([]byte, chunkRecords, eventChunk)
	w.names, w.defined = map[string]int{}, map[string]int{}
	w.first = w.record + 1
}

// events writes a whole file.
func (w *evtxWriter) events(list ...winEvent) []byte {
	w.file = make([]byte, eventHeader)
	w.begin()
	for _, e := range list {
		if len(w.chunk) > eventChunk-8192 {
			w.endChunk()
			w.begin()
		}
		w.event(e)
	}
	w.endChunk()
	copy(w.file, eventFileMagic)
	order.PutUint64(w.file[24:], w.record+1)
	order.PutUint32(w.file[32:], 128)
	order.PutUint16(w.file[36:], 1)
	order.PutUint16(w.file[38:], 3)
	order.PutUint16(w.file[40:], eventHeader)
	order.PutUint16(w.file[42:], uint16((len(w.file)-eventHeader)/eventChunk))
	order.PutUint32(w.file[124:], crc32.ChecksumIEEE(w.file[:120]))
	return w.file
}

func (w *evtxWriter) endChunk() {
	c := w.chunk
	free := len(c)
	c = append(c, make([]byte, eventChunk-len(c))...)
	copy(c, eventChunkMagic)
	for i, n := range []uint64{w.first, w.record, w.first, w.record} {
		order.PutUint64(c[8+8*i:], n)
	}
	order.PutUint32(c[40:], 128)
	order.PutUint32(c[44:], uint32(w.last))
	order.PutUint32(c[chunkFreeAt:], uint32(free))
	order.PutUint32(c[chunkRecsCRC:], crc32.ChecksumIEEE(c[chunkRecords:free]))
	sum := crc32.Update(crc32.ChecksumIEEE(c[:120]), crc32.IEEETable, c[128:512])
	order.PutUint32(c[chunkCRCAt:], sum)
	w.file = append(w.file, c...)
}

func (w *evtxWriter) u16(n int)   { w.chunk = order.AppendUint16(w.chunk, uint16(n)) }
func (w *evtxWriter) u32(n int)   { w.chunk = order.AppendUint32(w.chunk, uint32(n)) }
func (w *evtxWriter) b(b ...byte) { w.chunk = append(w.chunk, b...) }

// sized writes a length of four bytes and what it is the length of.
func (w *evtxWriter) sized(write func()) {
	at := len(w.chunk)
	w.u32(0)
	write()
	order.PutUint32(w.chunk[at:], uint32(len(w.chunk)-at-4))
}

func filetime(t time.Time) uint64 { return uint64(t.UnixNano()/100) + 116_444_736_000_000_000 }

func (w *evtxWriter) event(e winEvent) {
	w.record++
	w.last = len(w.chunk)
	at := len(w.chunk)
	w.b(recordMagic...)
	w.u32(0)
	w.chunk = order.AppendUint64(w.chunk, w.record)
	w.chunk = order.AppendUint64(w.chunk, filetime(e.at))
	w.b(tokenHeader, 1, 1, 0)
	if w.templates {
		w.template(fmt.Sprint(e.provider, e.id, len(e.data)), func() { w.xml(e) })
	} else {
		w.xml(e)
	}
	w.b(tokenEnd)
	for (len(w.chunk)-at+4)%8 != 0 {
		w.b(0)
	}
	size := len(w.chunk) - at + 4
	w.u32(size)
	order.PutUint32(w.chunk[at+4:], uint32(size))
}

// template writes an instance, with the definition where it is the first.
func (w *evtxWriter) template(key string, definition func()) {
	w.b(tokenTemplate, 1)
	w.u32(0x1234)
	at, known := w.defined[key]
	w.values = nil
	if !known {
		at = len(w.chunk) + 4
		w.defined[key] = at
	}
	w.u32(at)
	if known { // only the values are of interest: the names are all there
		kept := w.chunk
		w.chunk = append(bytes.Clone(kept), make([]byte, 24)...)
		definition()
		w.chunk = kept
	} else {
		w.u32(0)
		w.b(make([]byte, 16)...) // the GUID
		w.sized(func() {
			w.b(tokenHeader, 1, 1, 0)
			definition()
			w.b(tokenEnd)
		})
	}
	values := w.values
	w.u32(len(values))
	for _, v := range values {
		w.u16(len(v.data))
		w.b(v.kind, 0)
	}
	for _, v := range values {
		w.b(v.data...)
	}
}

func (w *evtxWriter) name(name string) {
	if at, known := w.names[name]; known {
		w.u32(at)
		return
	}
	at := len(w.chunk) + 4
	w.names[name] = at
	w.u32(at)
	w.u32(0)
	w.u16(0)
	w.u16(len(name))
	w.b(wide(name)...)
	w.u16(0)
}

// text writes a value: in a template as a substitution, else as a text.
func (w *evtxWriter) text(kind byte, data []byte, plain string) {
	if w.templates {
		w.b(tokenOptional)
		w.u16(len(w.values))
		w.b(kind)
		w.values = append(w.values, binValue{kind, data})
		return
	}
	w.b(tokenValue, typeString)
	w.u16(len(wide(plain)) / 2)
	w.b(wide(plain)...)
}

type xmlAttribute struct {
	name string
	text func()
}

// element writes an element; in a template it has room for a dependency.
func (w *evtxWriter) element(name string, attributes []xmlAttribute, content func()) {
	token := byte(tokenOpen)
	if len(attributes) > 0 {
		token |= tokenMore
	}
	w.b(token)
	if w.templates {
		w.u16(0xffff)
	}
	w.sized(func() {
		w.name(name)
		if len(attributes) > 0 {
			w.sized(func() {
				for i, a := range attributes {
					token := byte(tokenAttribute)
					if i < len(attributes)-1 {
						token |= tokenMore
					}
					w.b(token)
					w.name(a.name)
					a.text()
				}
			})
		}
		if content == nil {
			w.b(tokenCloseEmpty)
			return
		}
		w.b(tokenCloseStart)
		content()
		w.b(tokenCloseElement)
	})
}

func (w *evtxWriter) words(s string) func() { return func() { w.text(typeString, wide(s), s) } }

func (w *evtxWriter) xml(e winEvent) {
	fixed := func(s string) func() {
		return func() {
			w.b(tokenValue, typeString)
			w.u16(len(s))
			w.b(wide(s)...)
		}
	}
	w.element("Event", []xmlAttribute{{"xmlns", fixed("http://schemas.microsoft.com/win/2004/08/events/event")}}, func() {
		w.element("System", nil, func() {
			w.element("Provider", []xmlAttribute{{"Name", fixed(e.provider)}}, nil)
			w.element("EventID", nil, func() { w.text(typeUint16, order.AppendUint16(nil, uint16(e.id)), fmt.Sprint(e.id)) })
			w.element("TimeCreated", []xmlAttribute{{"SystemTime", func() {
				w.text(typeFileTime, order.AppendUint64(nil, filetime(e.at)), e.at.Format("2006-01-02T15:04:05.0000000Z"))
			}}}, nil)
			w.element("Execution", []xmlAttribute{{"ProcessID", func() { w.text(typeUint32, order.AppendUint32(nil, uint32(e.pid)), fmt.Sprint(e.pid)) }}}, nil)
			w.element("Computer", nil, w.words("FTP01"))
		})
		if e.user != nil {
			w.element("UserData", nil, func() {
				w.element("EventXML", nil, func() {
					for _, d := range e.user {
						w.element(d[0], nil, w.words(d[1]))
					}
				})
			})
			return
		}
		w.element("EventData", nil, func() {
			for _, d := range e.data {
				w.element("Data", []xmlAttribute{{"Name", fixed(d[0])}}, w.words(d[1]))
			}
		})
	})
}

func evtxLines(t *testing.T, file []byte) (string, Damage) {
	t.Helper()
	d := &Damage{}
	l, err := newEventLog(bytes.NewReader(file), d)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(l)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), *d
}

var evtxStart = time.Date(2026, 11, 23, 14, 0, 0, 120e6, time.UTC)

// someEvents are of every kind that is read, and of some that are not.
func someEvents() []winEvent {
	logon := func(id int, minute int, user, process, kind, status, from string) winEvent {
		return winEvent{provider: securityProvider, id: id, at: evtxStart.Add(time.Duration(minute) * time.Minute), pid: 632, data: [][2]string{
			{"SubjectUserName", "FTP01$"},
			{"TargetUserName", user},
			{"TargetDomainName", "FTP01"},
			{"Status", status},
			{"SubStatus", status},
			{"LogonType", kind},
			{"LogonProcessName", "Advapi  "},
			{"ProcessName", process},
			{"IpAddress", from},
			{"IpPort", "-"},
		}}
	}
	service := func(id, minute int, data ...string) winEvent {
		e := winEvent{provider: serviceProvider, id: id, at: evtxStart.Add(time.Duration(minute) * time.Minute), pid: 600}
		for i, d := range data {
			name := fmt.Sprintf("param%d", i+1)
			if i == 2 {
				name = "Binary"
			}
			e.data = append(e.data, [2]string{name, d})
		}
		return e
	}
	ssh := func(minute int, pid int, text string) winEvent {
		return winEvent{provider: opensshProvider, id: 4, at: evtxStart.Add(time.Duration(minute) * time.Minute), pid: pid, user: [][2]string{{"process", "sshd"}, {"payload", text}}}
	}
	tls := func(id, minute int, data ...[2]string) winEvent {
		return winEvent{provider: schannelProvider, id: id, at: evtxStart.Add(time.Duration(minute) * time.Minute), pid: 632, data: data}
	}
	const iis, sshd = `C:\Windows\System32\svchost.exe`, `C:\Windows\System32\OpenSSH\sshd.exe`
	return []winEvent{
		logon(4648, 0, "alice", iis, "", "", "-"),
		logon(4624, 0, "alice", iis, "8", "", "-"),
		logon(4624, 1, "SYSTEM", `C:\Windows\System32\services.exe`, "5", "", "-"),
		logon(4625, 2, "bob", iis, "8", "0xc000006a", "-"),
		logon(4625, 3, "carol", iis, "8", "0xc0000071", "-"),
		logon(4625, 4, "dave \"d\" = <x>", `C:\Windows\System32\inetsrv\w3wp.exe`, "8", "0xC0000064", "203.0.113.8"),
		logon(4625, 5, "guest", `C:\Windows\System32\winlogon.exe`, "10", "0xc0000072", "203.0.113.9"),
		logon(4624, 6, "sshd_2344", sshd, "5", "", "-"),
		logon(4624, 7, "erin", sshd, "8", "", "-"),
		{provider: securityProvider, id: 4740, at: evtxStart.Add(8 * time.Minute), data: [][2]string{{"TargetUserName", "alice"}, {"TargetDomainName", "FTP01"}}},
		{provider: securityProvider, id: 4740, at: evtxStart.Add(8 * time.Minute), data: [][2]string{{"TargetUserName", "frank"}, {"TargetDomainName", "DESK7"}}},
		{provider: securityProvider, id: 4771, at: evtxStart.Add(9 * time.Minute), data: [][2]string{{"TargetUserName", "grace"}, {"Status", "0x18"}, {"IpAddress", "::ffff:192.0.2.50"}}},
		{provider: securityProvider, id: 4776, at: evtxStart.Add(9 * time.Minute), data: [][2]string{{"TargetUserName", "heidi"}, {"Workstation", "DESK7"}, {"Status", "0xc0000193"}}},
		{provider: securityProvider, id: 4776, at: evtxStart.Add(9 * time.Minute), data: [][2]string{{"TargetUserName", "alice"}, {"Workstation", "FTP01"}, {"Status", "0x0"}}},
		service(7036, 10, "Microsoft-FTP-Dienst", "beendet", "4600540050005300560043002F0031000000"),
		service(7036, 11, "Microsoft FTP Service", "running", "4600540050005300560043002F0034000000"),
		service(7036, 11, "Windows Update", "running", "77007500610075007300650072007600"),
		service(7034, 12, "FileZilla Server", "3"),
		service(7031, 13, "OpenSSH SSH Server", "1", ""),
		service(7036, 14, "OpenSSH SSH Server", "running", "73007300680064002F0034000000"),
		service(7009, 15, "30000", "Microsoft FTP Service"),
		service(7000, 15, "Microsoft FTP Service", "%%1053"),
		service(7001, 16, "Print Spooler", "RPC"),
		ssh(20, 4000, "Connection from 192.0.2.7 port 50000 on 192.0.2.1 port 22"),
		ssh(20, 4000, "Failed password for erin from 192.0.2.7 port 50000 ssh2"),
		ssh(21, 4000, "Accepted password for erin from 192.0.2.7 port 50000 ssh2"),
		ssh(21, 4100, "session opened for local user erin from [192.0.2.7]"),
		ssh(22, 4100, `close "/C:/Users/erin/x.bin" bytes read 0 written 300000`),
		ssh(22, 4100, "debug1: not of interest"),
		tls(36870, 30, [2]string{"Type", "server"}, [2]string{"ErrorCode", "0x8009030d"}),
		tls(36871, 30, [2]string{"Type", "client"}, [2]string{"ErrorState", "10013"}),
		tls(36874, 31, [2]string{"Protocol", "TLS 1.2"}),
		tls(36887, 32, [2]string{"AlertDesc", "48"}),
		tls(36888, 33, [2]string{"AlertDesc", "70"}, [2]string{"ErrorState", "1205"}),
		{provider: "Microsoft-Windows-DNS-Client", id: 1014, at: evtxStart.Add(40 * time.Minute), data: [][2]string{{"QueryName", "x.example"}}},
	}
}

// What is written by templates and without reads the same, and as wanted.
func TestEventLog(t *testing.T) {
	byTemplates := (&evtxWriter{templates: true}).events(someEvents()...)
	inline := (&evtxWriter{}).events(someEvents()...)
	a, damage := evtxLines(t, byTemplates)
	b, damage2 := evtxLines(t, inline)
	if diff := cmp.Diff(a, b); diff != "" || damage != (Damage{}) || damage2 != (Damage{}) {
		t.Fatalf("by templates and inline (-templates +inline): %s\n%+v %+v", diff, damage, damage2)
	}
	lines := strings.Split(a, "\n")
	for i, want := range map[int]string{
		3:  `2026-11-23T14:02:00.120Z FTP01 Microsoft-Windows-Security-Auditing/4625 #4 [632] TargetUserName="bob" TargetDomainName="FTP01" Status="0xc000006a" SubStatus="0xc000006a" LogonType="8" LogonProcessName="Advapi  " ProcessName="C:\Windows\System32\svchost.exe" IpAddress="-" IpPort="-"`,
		17: `2026-11-23T14:12:00.120Z FTP01 Service_Control_Manager/7034 #18 [600] param1="FileZilla Server" param2="3"`,
		27: `2026-11-23T14:22:00.120Z FTP01 OpenSSH/4 #28 [4100] process="sshd" payload="close ""/C:/Users/erin/x.bin"" bytes read 0 written 300000"`,
		34: `2026-11-23T14:40:00.120Z FTP01 Microsoft-Windows-DNS-Client/1014 #35 [0]`,
	} {
		if diff := cmp.Diff(want, lines[i]); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", i+1, diff)
		}
	}
	for _, file := range [][]byte{byTemplates, inline} {
		s := audited(t, Options{Workers: 2}, 1024, input("Security.evtx", string(file)))
		golden(t, "testdata/evtx.want", reading(s))
	}
}

// Every type of value, and arrays of them.
func TestEventLogValues(t *testing.T) {
	f64 := func(f float64) []byte { return order.AppendUint64(nil, math.Float64bits(f)) }
	sid := append([]byte{1, 2, 0, 0, 0, 0, 0, 5}, order.AppendUint32(order.AppendUint32(nil, 32), 544)...)
	for want, v := range map[string]binValue{
		"Grüße 𝄞":                                {typeString, wide("Grüße 𝄞\x00")},
		"caf\u00e9":                              {typeANSI, []byte("caf\xe9\x00")},
		"-5":                                     {typeInt8, []byte{0xfb}},
		"251":                                    {typeUint8, []byte{0xfb}},
		"-300":                                   {typeInt16, []byte{0xd4, 0xfe}},
		"65236":                                  {typeUint16, []byte{0xd4, 0xfe}},
		"-2":                                     {typeInt32, []byte{0xfe, 0xff, 0xff, 0xff}},
		"4294967294":                             {typeUint32, []byte{0xfe, 0xff, 0xff, 0xff}},
		"-3":                                     {typeInt64, []byte{0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		"18446744073709551613":                   {typeUint64, []byte{0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		"1.5":                                    {typeFloat32, order.AppendUint32(nil, math.Float32bits(1.5))},
		"0.1":                                    {typeFloat64, f64(0.1)},
		"true":                                   {typeBool, []byte{1, 0, 0, 0}},
		"false":                                  {typeBool, []byte{0}},
		"00FF10":                                 {typeBinary, []byte{0, 0xff, 0x10}},
		"{03020100-0504-0706-0809-0A0B0C0D0E0F}": {typeGUID, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		"0x10":                                   {typeSize, []byte{16, 0, 0, 0, 0, 0, 0, 0}},
		"2026-11-23T14:00:00.120Z":               {typeFileTime, order.AppendUint64(nil, filetime(evtxStart))},
		"2026-11-23T14:05:06.007Z":               {typeSystemTime, []byte{0xea, 7, 11, 0, 1, 0, 23, 0, 14, 0, 5, 0, 6, 0, 7, 0}},
		"S-1-5-32-544":                           {typeSID, sid},
		"0xc000006d":                             {typeHex32, []byte{0x6d, 0, 0, 0xc0}},
		"0x3e7":                                  {typeHex64, []byte{0xe7, 3, 0, 0, 0, 0, 0, 0}},
		"a, b":                                   {typeString | typeArray, wide("a\x00b\x00")},
		"1, 2":                                   {typeUint16 | typeArray, []byte{1, 0, 2, 0}},
		"0x1, 0x2":                               {typeHex32 | typeArray, []byte{1, 0, 0, 0, 2, 0, 0, 0}},
		"":                                       {typeNull, nil},
		" ":                                      {typeString, wide(" ")},
	} {
		w := &evtxWriter{templates: true, record: 0}
		e := winEvent{provider: opensshProvider, id: 4, at: evtxStart}
		w.file = make([]byte, eventHeader)
		w.begin()
		w.record++
		w.b(recordMagic...)
		w.u32(0)
		w.chunk = order.AppendUint64(w.chunk, 1)
		w.chunk = order.AppendUint64(w.chunk, filetime(evtxStart))
		w.template("x", func() {
			w.element("Event", nil, func() {
				w.element("System", nil, func() {
					w.element("Provider", []xmlAttribute{{"Name", w.words(e.provider)}}, nil)
					w.element("EventID", nil, w.words("4"))
				})
				w.element("EventData", nil, func() {
					w.element("Data", []xmlAttribute{{"Name", w.words("v")}}, func() { w.text(v.kind, v.data, "") })
				})
			})
		})
		w.b(tokenEnd)
		size := len(w.chunk) - chunkRecords + 4
		w.u32(size)
		order.PutUint32(w.chunk[chunkRecords+4:], uint32(size))
		w.endChunk()
		copy(w.file, eventFileMagic)
		w.file[38] = 3
		order.PutUint32(w.file[124:], crc32.ChecksumIEEE(w.file[:120]))
		got, damage := evtxLines(t, w.file)
		if line := "2026-11-23T14:00:00.120Z - OpenSSH/4 #1"; want == "" {
			want = line + "\n"
		} else {
			want = line + ` v="` + want + "\"\n"
		}
		if got != want || damage != (Damage{}) {
			t.Errorf("type %#x: %q, want %q, %+v", v.kind, got, want, damage)
		}
	}
}

// A log that is not sound is read as far as it goes, and that is said.
func TestEventLogDamage(t *testing.T) {
	var many []winEvent
	for range 20 {
		many = append(many, someEvents()...)
	}
	sound := (&evtxWriter{templates: true}).events(many...)
	if len(sound) < eventHeader+3*eventChunk {
		t.Fatalf("%d bytes", len(sound))
	}
	second := eventHeader + eventChunk
	third := bytes.Index(sound[second+chunkRecords+8:], recordMagic) + second + chunkRecords + 8
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		want   Damage
		unread int
		lost   int // lines fewer at most
	}{
		"sound":             {func(b []byte) []byte { return b }, Damage{}, 0, 0},
		"a flipped bit":     {func(b []byte) []byte { b[third+14] ^= 1; return b }, Damage{Chunks: 1}, 0, 0},
		"header's checksum": {func(b []byte) []byte { b[30] ^= 1; return b }, Damage{Header: true}, 0, 0},
		"no checksums":      {func(b []byte) []byte { b[120] |= fileNoCRC; b[third+14] ^= 1; return b }, Damage{}, 0, 0},
		"dirty, header lags": {func(b []byte) []byte {
			b[120] |= fileDirty
			order.PutUint32(b[second+chunkFreeAt:], uint32(third-second))
			return b
		}, Damage{Dirty: true}, 0, 0},
		"ends in a chunk":    {func(b []byte) []byte { return b[:third+4000] }, Damage{Truncated: true, Records: 1}, 1, 700},
		"ends in the header": {func(b []byte) []byte { return b[:100] }, Damage{Truncated: true}, 0, 700},
		"a chunk of zeros":   {func(b []byte) []byte { clear(b[second : second+eventChunk]); return b }, Damage{}, 0, 700},
		"another magic":      {func(b []byte) []byte { b[second] = 'x'; return b }, Damage{Chunks: 1}, 0, 0},
		"a size of nothing":  {func(b []byte) []byte { clear(b[third+4 : third+8]); return b }, Damage{Chunks: 1, Records: 1}, 1, 0},
	} {
		out, damage := evtxLines(t, c.change(bytes.Clone(sound)))
		unread := strings.Count("\n"+out, "\n!")
		if lines := strings.Count(out, "\n"); damage != c.want || unread != c.unread || len(many)-lines > c.lost {
			t.Errorf("%s: %+v, want %+v; %d unreadable, want %d; %d lines of %d", name, damage, c.want, unread, c.unread, lines, len(many))
		}
	}
	s := audited(t, Options{}, chunkSize, input("x.evtx", string(sound[:third+4000])))
	if d := s.Logs[0].Damage; d == nil || !d.Truncated || s.Logs[0].Unknown != 1 {
		t.Errorf("the summary says %+v", s.Logs[0])
	}
}

// FuzzEventLog gives the reader a chunk of foreign records: it ends, and what it
// gives are lines of bounded length that are understood.
func FuzzEventLog(f *testing.F) {
	events := someEvents()
	for _, templates := range []bool{true, false} {
		for i := 0; i+3 < len(events); i += 4 {
			file := (&evtxWriter{templates: templates}).events(events[i : i+2]...)
			free := order.Uint32(file[eventHeader+chunkFreeAt:])
			f.Add(file[eventHeader+chunkRecords : eventHeader+free])
		}
	}
	whole := (&evtxWriter{}).events()
	f.Fuzz(func(t *testing.T, records []byte) {
		if len(records) > eventChunk-chunkRecords {
			return
		}
		b := bytes.Clone(whole)
		copy(b[eventHeader+chunkRecords:], records)
		order.PutUint32(b[eventHeader+chunkFreeAt:], uint32(chunkRecords+len(records)))
		l, err := newEventLog(bytes.NewReader(b), &Damage{})
		if err != nil {
			t.Fatal(err)
		}
		l.line.all = true
		out, err := io.ReadAll(l)
		if err != nil {
			t.Fatal(err)
		}
		r := &reader{clock: clock{zone: time.UTC, written: written}}
		for line := range bytes.Lines(out) {
			if len(line) > 2*maxEventLine || line[len(line)-1] != '\n' {
				t.Fatalf("a line of %d bytes", len(line))
			}
			var e event
			e.reset()
			if k := r.windows(bytes.TrimSuffix(line, []byte("\n")), &e); k == unknown && line[0] != '!' && !contains(line, " OpenSSH/") {
				t.Errorf("not understood: %q", line)
			}
		}
	})
}
