package sshwire

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// KeyFormat is what a key file is.
type KeyFormat string

// The formats, with the names that people know them by.
const (
	FormatOpenSSH     KeyFormat = "OpenSSH"                // openssh-portable, PROTOCOL.key
	FormatPEM         KeyFormat = "PEM"                    // RSA (RFC 8017 §A.1.2), EC (RFC 5915), DSA
	FormatPKCS8       KeyFormat = "PKCS #8"                // RFC 5958
	FormatPPK1        KeyFormat = "PuTTY PPK version 1"    // PuTTY manual, appendix C
	FormatPPK2        KeyFormat = "PuTTY PPK version 2"    // PuTTY before 0.75
	FormatPPK3        KeyFormat = "PuTTY PPK version 3"    // PuTTY from 0.75 on
	FormatSSH2        KeyFormat = "SSH2 private key"       // of ssh.com
	FormatSSH1        KeyFormat = "SSH1 private key"       // of protocol 1
	FormatPublic      KeyFormat = "public key"             // a line of authorized_keys
	FormatPublicSSH2  KeyFormat = "SSH2 public key"        // RFC 4716
	FormatPublicPEM   KeyFormat = "PEM public key"         // RFC 7468 §13
	FormatCertificate KeyFormat = "OpenSSH certificate"    // PROTOCOL.certkeys
	FormatX509        KeyFormat = "X.509 certificate"      // RFC 7468 §5
	FormatDER         KeyFormat = "binary (DER, PKCS #12)" // a .p12, .pfx or .der file
)

// KeyProblem is why OpenSSH's ssh can't use a file as a private key.
type KeyProblem string

// The problems. Those of the file's form concern the OpenSSH format most, whose
// reader in OpenSSH wants the first and the last line to the byte and says
// "error in libcrypto" otherwise; other programs may be more lenient.
const (
	KeyEmpty       KeyProblem = "empty"
	KeyNotAKey     KeyProblem = "not-a-key"
	KeyIsPublic    KeyProblem = "public"      // the public half, or a certificate, was given
	KeyForeign     KeyProblem = "foreign"     // a format of other programs: convert it
	KeyUnsupported KeyProblem = "unsupported" // a type or format that nobody takes any more
	KeyTruncated   KeyProblem = "truncated"
	KeyDamaged     KeyProblem = "damaged"          // the frame is whole, the content is not
	KeyUTF16       KeyProblem = "utf-16"           // saved by an editor or a shell of Windows
	KeyByteOrder   KeyProblem = "byte-order-mark"  // likewise
	KeyCRLF        KeyProblem = "crlf"             // likewise
	KeyNoNewline   KeyProblem = "no-final-newline" // pasted, or stored in a secret of a CI system
	KeyLinesLost   KeyProblem = "line-breaks-lost" // all on one line
	KeyEscaped     KeyProblem = "escaped-newlines" // \n as two characters, as in an environment variable or JSON
	KeySpaces      KeyProblem = "stray-spaces"     // at the start or end of the first or last line
	KeyTextBefore  KeyProblem = "text-before"      // something stands before the first line
)

// KeyFile is what can be said of a key file without its passphrase. Nothing
// secret is in it.
type KeyFile struct {
	Format    KeyFormat // empty: unknown
	Type      string    // of the key, "ssh-ed25519"; empty: unknown
	Encrypted bool
	Cipher    string        // of the encryption, as the file names it: "aes256-ctr", "AES-128-CBC"
	Comment   string        // at most 256 bytes; encrypted OpenSSH files hide it
	Public    ssh.PublicKey // nil: it can't be known without the passphrase
	Problem   KeyProblem    // empty: usable
}

const (
	pemBegin    = "-----BEGIN "
	pemDashes   = "-----"
	ppkBegin    = "PuTTY-User-Key-File-"
	openSSHName = "OPENSSH PRIVATE KEY"
	ssh2Public  = "---- BEGIN SSH2 PUBLIC KEY ----"
	ssh2Private = "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"
)

// Inspect tells what a key file is, from its bytes.
func Inspect(data []byte) KeyFile {
	if len(bytes.Trim(data, " \t\r\n\x00")) == 0 {
		return KeyFile{Problem: KeyEmpty}
	}
	if text, ok := fromUTF16(data); ok {
		k := inspect(text)
		return KeyFile{Format: k.Format, Problem: KeyUTF16}
	}
	text, marked := strings.CutPrefix(string(data), "\uFEFF")
	k := inspect(text)
	// Of PEM, OpenSSH's library passes over what stands before.
	if marked && k.Problem == "" && k.Format == FormatOpenSSH {
		k.Problem = KeyByteOrder
	}
	return k
}

// fromUTF16 reads ASCII in UTF-16, with or without a byte order mark.
func fromUTF16(data []byte) (string, bool) {
	text, marked := bytes.CutPrefix(data, []byte("\xFF\xFE"))
	if !marked {
		text, marked = bytes.CutPrefix(data, []byte("\xFE\xFF"))
	}
	head := text[:min(len(text), 40)]
	if !marked && (len(head) < 8 || bytes.Count(head, []byte{0}) != len(head)/2) {
		return "", false
	}
	return string(bytes.ReplaceAll(text, []byte{0}, nil)), true
}

func inspect(text string) KeyFile {
	first := strings.TrimLeft(text, " \t\r\n")
	switch {
	case strings.HasPrefix(first, ppkBegin):
		return inspectPPK(first)
	case strings.HasPrefix(first, ssh2Public):
		return inspectSSH2(first)
	case strings.HasPrefix(first, ssh2Private):
		return KeyFile{Format: FormatSSH2, Problem: KeyForeign}
	case strings.HasPrefix(first, "SSH PRIVATE KEY FILE FORMAT 1."):
		return KeyFile{Format: FormatSSH1, Problem: KeyUnsupported}
	case strings.Contains(text, pemBegin):
		return inspectPEM(text)
	case strings.HasPrefix(text, "\x30\x82"), strings.HasPrefix(text, "\x30\x81"):
		return KeyFile{Format: FormatDER, Problem: KeyForeign}
	}
	return inspectPublicLine(text)
}

func inspectPublicLine(text string) KeyFile {
	key, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return KeyFile{Problem: KeyNotAKey}
	}
	k := KeyFile{Format: FormatPublic, Type: key.Type(), Public: key, Comment: shownComment(comment), Problem: KeyIsPublic}
	if _, ok := key.(*ssh.Certificate); ok {
		k.Format = FormatCertificate
	}
	return k
}

// inspectPEM reads the first private key of a text with "-----BEGIN …" in it,
// or says what else it is.
func inspectPEM(text string) KeyFile {
	name, at := pemName(text)
	var k KeyFile
	switch {
	case name == openSSHName:
		k.Format = FormatOpenSSH
	case name == "PRIVATE KEY", name == "ENCRYPTED PRIVATE KEY":
		k.Format = FormatPKCS8
	case name == "RSA PRIVATE KEY":
		k.Format, k.Type = FormatPEM, ssh.KeyAlgoRSA
	case name == "DSA PRIVATE KEY":
		k.Format, k.Type = FormatPEM, "ssh-dss"
	case name == "EC PRIVATE KEY":
		k.Format = FormatPEM
	case strings.HasSuffix(name, "PUBLIC KEY"):
		return KeyFile{Format: FormatPublicPEM, Problem: KeyIsPublic}
	case strings.HasSuffix(name, "CERTIFICATE"):
		return KeyFile{Format: FormatX509, Problem: KeyIsPublic}
	default:
		return KeyFile{Problem: KeyNotAKey}
	}
	body, problem := pemFrame(text, name, at)
	if body == "" {
		k.Problem = problem
		return k
	}
	k.content(name, body)
	if k.Problem == "" {
		k.Problem = problem
	}
	return k
}

// pemName finds the block to read: the first private key, or else the first.
func pemName(text string) (name string, at int) {
	for next := 0; ; {
		i := strings.Index(text[next:], pemBegin)
		if i < 0 {
			return name, at
		}
		i += next
		next = i + len(pemBegin)
		found, _, _ := strings.Cut(text[next:min(len(text), next+60)], pemDashes)
		private := strings.HasSuffix(found, "PRIVATE KEY")
		if name == "" || private {
			name, at = found, i
		}
		if private {
			return name, at
		}
	}
}

// pemFrame gives what stands between the first and the last line. body is empty
// when they can't be made out; a problem beside a body is one of the form.
func pemFrame(text, name string, at int) (body string, problem KeyProblem) {
	begin, end := pemBegin+name+pemDashes, "-----END "+name+pemDashes
	rest := text[min(len(text), at+len(begin)):]
	body, after, whole := strings.Cut(rest, end)
	lines := strings.Count(body, "\n")
	switch {
	case lines == 0 && strings.Contains(body, `\n`):
		return "", KeyEscaped
	case whole && lines == 0:
		return "", KeyLinesLost
	case !whole:
		return "", KeyTruncated
	}
	line := text[strings.LastIndexByte(text[:at], '\n')+1 : at]
	if name != openSSHName { // the library that reads these is lenient
		if strings.TrimSpace(line) == "" && line != "" {
			return body, KeySpaces
		}
		return body, ""
	}
	switch {
	case strings.HasPrefix(body, "\r\n"):
		return body, KeyCRLF
	case line != "" && strings.TrimSpace(line) == "", !strings.HasPrefix(body, "\n"), !strings.HasSuffix(body, "\n"):
		return body, KeySpaces
	case at > 0:
		return body, KeyTextBefore
	case after == "":
		return body, KeyNoNewline
	case !strings.HasPrefix(after, "\n"):
		return body, KeySpaces
	}
	return body, ""
}

// content reads the body of a PEM block.
func (k *KeyFile) content(name, body string) {
	headers, body := cutHeaders(body)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil || len(der) == 0 {
		k.Problem = KeyDamaged
		return
	}
	switch {
	case name == openSSHName:
		k.openSSH(der)
		return
	case name == "ENCRYPTED PRIVATE KEY":
		k.Encrypted = true
		if !isDER(der) {
			k.Problem = KeyDamaged
		}
		return
	case strings.Contains(headers["Proc-Type"], "ENCRYPTED"):
		k.Encrypted = true
		k.Cipher, _, _ = strings.Cut(headers["DEK-Info"], ",")
		return
	}
	// Only the public half of what is parsed here is kept.
	signer, err := ssh.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}))
	switch {
	case err == nil:
		k.Public, k.Type = signer.PublicKey(), signer.PublicKey().Type()
	case isDER(der):
		k.Problem = KeyUnsupported
	default:
		k.Problem = KeyDamaged
	}
}

// isDER tells whether b is one whole ASN.1 value.
func isDER(b []byte) bool {
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(b, &v)
	return err == nil && len(rest) == 0
}

// cutHeaders takes the headers (RFC 1421 §4.4) off the body of a block.
func cutHeaders(body string) (map[string]string, string) {
	headers := map[string]string{}
	body = strings.TrimLeft(body, " \t\r\n")
	for {
		line, rest, _ := strings.Cut(body, "\n")
		key, value, found := strings.Cut(line, ":")
		if !found {
			return headers, body
		}
		headers[strings.TrimSpace(key)] = strings.TrimSpace(value)
		body = rest
	}
}

// openSSH reads the binary content of OpenSSH's format (PROTOCOL.key).
func (k *KeyFile) openSSH(b []byte) {
	f := fields{b: b}
	if string(f.take(15)) != "openssh-key-v1\x00" {
		k.Problem = KeyDamaged
		return
	}
	cipher := string(f.bytes())
	f.bytes() // the name of the key derivation
	f.bytes() // and its options
	count := f.uint32()
	public := f.bytes()
	private := fields{b: f.bytes()}
	if f.short {
		k.Problem = KeyTruncated
		return
	}
	if k.Encrypted = cipher != "none"; k.Encrypted {
		k.Cipher = shownComment(cipher)
	}
	k.Type = shownComment(KeyType(public))
	if key, err := ssh.ParsePublicKey(public); err == nil {
		k.Public = key
	}
	check1, check2 := private.uint32(), private.uint32()
	switch {
	case count != 1:
		k.Problem = KeyUnsupported
	case k.Encrypted:
	case check1 != check2 || private.short:
		k.Problem = KeyDamaged
	default:
		k.Comment = privateComment(private)
	}
}

// privateParts is how many fields follow the type in the private section, up to
// the comment. The flags of the keys of security tokens are one byte.
var privateParts = map[string]string{
	ssh.KeyAlgoED25519: "ss", ssh.KeyAlgoRSA: "ssssss", "ssh-dss": "sssss",
	ssh.KeyAlgoECDSA256: "sss", ssh.KeyAlgoECDSA384: "sss", ssh.KeyAlgoECDSA521: "sss",
	ssh.KeyAlgoSKED25519: "ssbss", ssh.KeyAlgoSKECDSA256: "sssbss",
}

func privateComment(f fields) string {
	for _, part := range privateParts[string(f.bytes())] {
		if part == 'b' {
			f.take(1)
		} else {
			f.bytes()
		}
	}
	comment := f.bytes()
	if f.short {
		return ""
	}
	return shownComment(string(comment))
}

// inspectPPK reads PuTTY's format: headers, then lines of base64 that they count.
func inspectPPK(text string) KeyFile {
	k := KeyFile{Problem: KeyForeign}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	var public string
	whole := false
	for i := 0; i < len(lines); i++ {
		name, value, _ := strings.Cut(lines[i], ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(name, ppkBegin):
			k.Format = map[string]KeyFormat{"1": FormatPPK1, "2": FormatPPK2, "3": FormatPPK3}[name[len(ppkBegin):]]
			k.Type = shownComment(value)
		case name == "Encryption" && value != "none":
			k.Encrypted, k.Cipher = true, shownComment(value)
		case name == "Comment":
			k.Comment = shownComment(value)
		case name == "Public-Lines", name == "Private-Lines":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > len(lines)-i-1 {
				k.Problem = KeyTruncated
				return k
			}
			if name == "Public-Lines" {
				public = strings.Join(lines[i+1:i+1+n], "")
			}
			i += n
		case name == "Private-MAC", name == "Private-Hash":
			whole = value != ""
		}
	}
	blob, err := base64.StdEncoding.DecodeString(public)
	if err == nil {
		k.Public, err = ssh.ParsePublicKey(blob)
	}
	switch {
	case !whole:
		k.Problem = KeyTruncated
	case err != nil && slices.Contains(parsedTypes, k.Type):
		k.Problem = KeyDamaged
	}
	return k
}

// inspectSSH2 reads a public key of RFC 4716.
func inspectSSH2(text string) KeyFile {
	k := KeyFile{Format: FormatPublicSSH2, Problem: KeyIsPublic}
	body, _, whole := strings.Cut(text[len(ssh2Public):], "---- END SSH2 PUBLIC KEY")
	if !whole {
		k.Problem = KeyTruncated
		return k
	}
	headers, body := cutHeaders(body)
	k.Comment = shownComment(strings.Trim(headers["Comment"], `"`))
	blob, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil {
		k.Problem = KeyDamaged
		return k
	}
	k.Type = shownComment(KeyType(blob))
	if key, err := ssh.ParsePublicKey(blob); err == nil {
		k.Public = key
	}
	return k
}

// shownComment keeps what may be shown of a name or a comment.
func shownComment(s string) string {
	const maxComment = 256
	s = strings.ToValidUTF8(s[:min(len(s), maxComment)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return -1
		}
		return r
	}, s)
}
