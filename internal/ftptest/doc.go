// Package ftptest starts scripted FTP and FTPS servers on loopback, healthy and
// faulty, as net/http/httptest does for HTTP. It hides sockets, certificates,
// the TLS rules of the data channel and an in-memory file tree. It promises that
// a server needs neither privilege nor network nor installation (Linux, macOS,
// Windows), never dials or listens anywhere but on 127.0.0.1 and ::1, starts at
// once, and is gone with all its goroutines when Close returns.
//
//	srv, err := ftptest.Start(ftptest.Fault{Script: `
//		220 ready
//		PASV → 227 Entering Passive Mode (10,0,0,5,{p1},{p2})
//	`})
//	if err != nil { … }
//	defer srv.Close()
//	check(srv.URL("ftp"), ftptest.Password)
//
// [Faults] lists the faults that `ftpdoctor demo` shows, [Hostile] servers that
// attack the client, and [ParseFixture] reads a scenario from a file.
//
// # The script language
//
// An empty script is a complete, healthy server: account [User] with [Password],
// IPv4, no TLS, EPSV, PASV, EPRT and PORT, a few files, uploads allowed. Each
// line of a script changes one thing. Leading white space that all lines share
// means nothing; blank lines and lines that begin with # mean nothing either.
//
// A line that begins with three digits is a line of the greeting, sent as it
// stands. Without one the greeting is that of the software.
//
// A line of the form "name: value" sets a knob:
//
//	listen: ipv4 | ipv6 | closed     closed: nothing listens on the port
//	software: vsftpd | proftpd | pureftpd | filezilla | iis
//	user: NAME PASSWORD              instead of the default account
//	anonymous: on | write            default off; on reads only
//	file: "/NAME" TEXT-OR-SIZE       a file more; Go-quoted name and text
//	without: EPSV MLSD UTF8 …        these commands answer 502, FEAT is silent about them
//	active: off | blocked            off: 500 to PORT and EPRT; blocked: 425 after the transfer command
//	delay: DURATION                  before every reply
//	drip: DURATION                   replies go out one byte at a time, this far apart
//	tls: explicit | required | implicit
//	                                 default none; required: USER in clear is answered 530
//	tls-versions: 1.0-1.1            default 1.2-1.3
//	cert: KIND…                      expired, not-yet, expiring, wrong-name, self-signed,
//	                                 unknown-ca, incomplete (the issuer is served at its AIA URL),
//	                                 weak-key (RSA 1024), many-names (10 000 of them)
//	client-cert: required
//	session-reuse: required          522 unless the data channel resumes the control
//	                                 connection's own TLS session
//	data: [upload|download] WHAT     what data channels do, listings counting as downloads:
//	                                 refuse     the announced port is closed
//	                                 drop       SYNs to the announced port get no answer (Linux only, see [CanDrop])
//	                                 stall N    no byte moves after N (default 0)
//	                                 reset N    RST after N bytes, then 426
//	                                 truncate N ends in good order after N bytes, then 226
//	                                 corrupt    one bit in each 4096 bytes is altered
//	                                 drip D     one byte per D
//
// A line of the form "COMMAND [ARGUMENT] → ACTION" replaces what the server does
// on a command. "->" serves as well as "→". More actions follow on indented
// lines, and are done in order:
//
//	STOR →
//		150 Ok to send data.
//		receive 65536
//		552 Transfer aborted. No space left on device
//
// COMMAND is one name, several joined with |, * for every command, or "connect"
// for the moment after accepting. ARGUMENT is compared without regard to case
// and may hold * for any text; left out, it fits every argument. Before COMMAND
// may stand [plain] or [tls]: the rule holds only without, or only with TLS on
// the control connection. After COMMAND may stand #N: only the Nth time in this
// session (for connect: the Nth connection to this server). The first rule that
// fits is taken. Actions:
//
//	530 any text     a reply line, with CRLF; the code is followed by a blank or a hyphen
//	raw "bytes"      Go-quoted bytes, as they are
//	repeat N raw "…" the same N times; N may be "forever"
//	drip D "bytes"   one byte per D
//	wait D           sleep
//	await            wait for some bytes from the client, and drop them
//	receive N|all    take data from the client on a data channel, drop them, close it
//	send "bytes"     send on a data channel and close it
//	pass             do what the healthy server does (for connect: greet)
//	hang             say nothing more until the client leaves
//	close            end the control connection in good order (FIN)
//	reset            break it (RST)
//
// In replies, raw and drip these stand for values of the moment:
//
//	{port} {p1} {p2}   a data port opened by this very reply; p1*256+p2
//	{closed} {c1} {c2} a port on which nothing listens
//	{h}                the server's address as PASV writes it: 127,0,0,1
//	{arg}              the command's argument
//	{peer}             the client's address
//
// # Fixtures
//
// A fixture file is a txtar archive: a comment, then sections "server" (the
// script), "check" (what to ask: target, password, args) and "want" (each code
// that must be found, its severity, and its place: root, or because of another):
//
//	Address translation that the server does not know of.
//	-- server --
//	220 ready
//	PASV → 227 Entering Passive Mode (10,0,0,5,195,80)
//	data: drop
//	-- check --
//	target: ftp://demo@{addr}/
//	password: Demo-pw.8Rk3
//	args: --op upload
//	-- want --
//	data/passive-private-address error root
//	data/passive-filtered         error because data/passive-private-address
package ftptest
