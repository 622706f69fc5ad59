package probe

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"ftpdoctor/internal/observe"
)

// knownHost is a line of a known_hosts file that is for the target (sshd(8)).
type knownHost struct {
	file   string
	line   int
	marker string // @revoked, @cert-authority or empty
	kind   string // the key's type
	key    []byte // wire form
}

func (k knownHost) where() string { return k.file + ":" + strconv.Itoa(k.line) }

// knownHosts reads the files that OpenSSH reads, and keeps the lines that are
// for the target.
func (r *run) knownHosts() []knownHost {
	files := r.options.KnownHosts
	if len(files) == 0 {
		home := r.home()
		if home != "" {
			files = []string{home + "/.ssh/known_hosts", home + "/.ssh/known_hosts2"}
		}
		files = append(files, "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
	}
	name := strings.ToLower(r.target.Host)
	if p := r.target.PortOr(); p != 22 {
		name = "[" + name + "]:" + strconv.Itoa(p)
	}
	var out []knownHost
	for _, f := range files {
		lines := r.w.LinesOf(f, func(line string) bool { _, ok := parseKnownHost(line, name); return ok })
		for _, l := range lines.Lines {
			if k, ok := parseKnownHost(l.Text, name); ok {
				k.file, k.line = f, l.N
				out = append(out, k)
			}
		}
	}
	return out
}

func (r *run) home() string {
	env := r.w.Environment("HOME", "USERPROFILE")
	if env["HOME"] != "" {
		return env["HOME"]
	}
	return strings.ReplaceAll(env["USERPROFILE"], `\`, "/")
}

// parseKnownHost reads a line, and tells whether it is for the host.
func parseKnownHost(line, name string) (k knownHost, ok bool) {
	fields := strings.Fields(line)
	if len(fields) > 0 && strings.HasPrefix(fields[0], "@") {
		k.marker, fields = fields[0], fields[1:]
	}
	if len(fields) < 3 || strings.HasPrefix(fields[0], "#") || !namesHost(fields[0], name) {
		return k, false
	}
	key, err := base64.StdEncoding.DecodeString(fields[2])
	k.kind, k.key = fields[1], key
	return k, err == nil
}

// namesHost tells whether a list of patterns, or a hashed name, is for a host.
func namesHost(patterns, name string) bool {
	if hashed, ok := strings.CutPrefix(patterns, "|1|"); ok {
		salt64, sum64, _ := strings.Cut(hashed, "|")
		salt, err := base64.StdEncoding.DecodeString(salt64)
		sum, err2 := base64.StdEncoding.DecodeString(sum64)
		if err != nil || err2 != nil {
			return false
		}
		m := hmac.New(sha1.New, salt)
		m.Write([]byte(name))
		return hmac.Equal(m.Sum(nil), sum)
	}
	found := false
	for p := range strings.SplitSeq(strings.ToLower(patterns), ",") {
		p, not := strings.CutPrefix(p, "!")
		if wildcard(p, name) {
			if not {
				return false
			}
			found = true
		}
	}
	return found
}

// wildcard matches * and ?, in time that grows with the product of the lengths.
func wildcard(pattern, s string) bool {
	star, back := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]) && pattern[i] != '*':
			i++
			j++
		case i < len(pattern) && pattern[i] == '*':
			star, back = i, j
			i++
		case star >= 0:
			back++
			i, j = star+1, back
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

// algorithms are the host key algorithms to ask for first, so that the server
// shows the key that is known where it has several.
func algorithms(known []knownHost) []string {
	var out []string
	for _, k := range known {
		switch {
		case k.marker == "@revoked":
		case k.marker == "@cert-authority":
			out = append([]string{
				"ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp384-cert-v01@openssh.com",
				"ecdsa-sha2-nistp521-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com",
			}, out...)
		case k.kind == "ssh-rsa":
			out = append(out, "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
		default:
			out = append(out, k.kind)
		}
	}
	return slices.Compact(out)
}

// fingerprint is the SHA-256 of a key as OpenSSH writes it.
func fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// keyKind is the type at the beginning of a key's wire form.
func keyKind(key []byte) string {
	if len(key) < 4 {
		return ""
	}
	n := binary.BigEndian.Uint32(key)
	if n > 64 || int(n) > len(key)-4 {
		return ""
	}
	return string(key[4 : 4+n])
}

func sameKey(k knownHost, key observe.Bytes) bool { return bytes.Equal(k.key, key) }

// hostMatches tells whether a certificate's principals name the host; none means all.
func hostMatches(principals []string, host string) bool {
	return len(principals) == 0 || slices.ContainsFunc(principals, func(p string) bool {
		return wildcard(strings.ToLower(p), strings.ToLower(host))
	})
}
