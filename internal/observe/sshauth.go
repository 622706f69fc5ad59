package observe

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSHAlgorithms are those that both sides agreed upon.
type SSHAlgorithms struct {
	KeyExchange string `json:"kex"`
	HostKey     string `json:"host_key"`
	Cipher      string `json:"cipher"` // from the server to us
	MAC         string `json:"mac,omitempty"`
}

// SSHPrompt is a question of keyboard-interactive (RFC 4256 §3.2).
type SSHPrompt struct {
	Instruction string `json:"instruction,omitempty"`
	Text        string `json:"text"`
	Echo        bool   `json:"echo,omitempty"` // what is typed may be seen: hardly a password
	Answered    bool   `json:"answered,omitempty"`
}

// SSHAuth is what one try to log in led to. Where the connection ended with it,
// Failure says how.
type SSHAuth struct {
	Step
	In         bool           `json:"in,omitempty"`         // logged in
	Partial    bool           `json:"partial,omitempty"`    // accepted, and something more is wanted
	Methods    []string       `json:"methods,omitempty"`    // that can continue (RFC 4252 §5.1)
	Banner     Bytes          `json:"banner,omitempty"`     // SSH_MSG_USERAUTH_BANNER
	Prompts    []SSHPrompt    `json:"prompts,omitempty"`    // of keyboard-interactive, in order
	Taken      bool           `json:"taken,omitempty"`      // the server knows the key and wanted a signature
	Signature  string         `json:"signature,omitempty"`  // the algorithm of that signature
	NotOffered bool           `json:"notoffered,omitempty"` // no signature algorithm in common: nothing was sent
	Algorithms *SSHAlgorithms `json:"algorithms,omitempty"` // of the connection
	Disconnect *SSHDisconnect `json:"disconnect,omitempty"`
}

// Ways trusts the host key, tells the server the user, and asks which ways to
// log in there are (method "none", RFC 4252 §5.2).
func (s *SSHConn) Ways(ctx context.Context, timeout time.Duration) SSHAuth {
	return s.try(ctx, "ways", timeout, func(*SSHAuth) { close(s.live.trusted) })
}

// TryPassword tries method "password", once.
func (s *SSHConn) TryPassword(ctx context.Context, password string, timeout time.Duration) SSHAuth {
	return s.try(ctx, "password", timeout, func(*SSHAuth) { s.live.send(ssh.Password(password)) })
}

var errNoAnswer = errors.New("no answer")

// TryKeyboard tries method "keyboard-interactive", once. A question for which
// answer says no ends the try; answers are no part of a recording.
func (s *SSHConn) TryKeyboard(ctx context.Context, answer func(SSHPrompt) (string, bool), timeout time.Duration) SSHAuth {
	return s.try(ctx, "keyboard", timeout, func(a *SSHAuth) {
		s.live.send(ssh.KeyboardInteractive(func(_, instruction string, questions []string, echos []bool) ([]string, error) {
			var answers []string
			for i, q := range questions {
				if len(a.Prompts) >= maxPrompts {
					return nil, errNoAnswer
				}
				p := SSHPrompt{Instruction: short(instruction), Text: short(q), Echo: echos[i]}
				words, ok := answer(p)
				p.Answered = ok
				a.Prompts = append(a.Prompts, p)
				if !ok {
					return nil, errNoAnswer
				}
				answers = append(answers, words)
			}
			if len(questions) == 0 && instruction != "" && len(a.Prompts) < maxPrompts {
				a.Prompts = append(a.Prompts, SSHPrompt{Instruction: short(instruction), Answered: true})
			}
			return answers, nil
		}))
	})
}

const (
	maxPrompts = 16
	maxPrompt  = 512 // bytes of one
)

func short(s string) string { return s[:min(len(s), maxPrompt)] }

// TryKey tries method "publickey" with one key. An RSA key signs with SHA-2
// where the server announces that (RFC 8308 §3.1), and is not offered where it
// does not; sha1 offers it the old way (ssh-rsa), which programs of today do
// not do by themselves.
func (s *SSHConn) TryKey(ctx context.Context, k SSHKey, sha1 bool, timeout time.Duration) SSHAuth {
	name := "key " + k.Source
	if sha1 {
		name += " sha1"
	}
	return s.try(ctx, name, timeout, func(a *SSHAuth) {
		_, before, _ := s.live.tap.counts()
		release := func() {}
		if k.agent != nil { // it may ask its user first
			_ = k.agent.SetDeadline(time.Now().Add(timeout))
			stop := context.AfterFunc(ctx, func() { _ = k.agent.SetDeadline(time.Now()) })
			release = func() { stop() }
		}
		signer := &onceSigner{k.signer, sha1, 0, func(algorithm string) { a.Taken, a.Signature = true, algorithm }}
		s.live.send(ssh.PublicKeys(signer))
		s.live.settled = func() {
			release()
			_, after, _ := s.live.tap.counts()
			a.NotOffered = after == before
		}
	})
}

// GiveUp tries nothing more and returns what the last try ended with, where
// the library kept it back.
func (s *SSHConn) GiveUp(ctx context.Context, timeout time.Duration) SSHAuth {
	return s.try(ctx, "give-up", timeout, func(*SSHAuth) { s.live.send(nil) })
}

// onceSigner leads the library's choice of a signature algorithm, and tells
// which it was. The library asks for the algorithms once where it takes one of
// them, and a second time for a way out where the server announces none of them.
type onceSigner struct {
	ssh.Signer
	sha1  bool
	asked int
	tell  func(algorithm string)
}

func (o *onceSigner) Algorithms() []string {
	o.asked++
	kind := o.PublicKey().Type()
	rsa := kind == ssh.KeyAlgoRSA || kind == ssh.CertAlgoRSAv01
	switch {
	case rsa && o.sha1:
		return []string{ssh.KeyAlgoRSA}
	case o.asked > 1:
		return nil
	case rsa:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	case underlying[kind] != "":
		return []string{underlying[kind]}
	default:
		return []string{kind}
	}
}

// underlying are the key types within certificates.
var underlying = map[string]string{
	ssh.CertAlgoED25519v01: ssh.KeyAlgoED25519, ssh.CertAlgoECDSA256v01: ssh.KeyAlgoECDSA256, ssh.CertAlgoECDSA384v01: ssh.KeyAlgoECDSA384,
	ssh.CertAlgoECDSA521v01: ssh.KeyAlgoECDSA521, ssh.CertAlgoSKED25519v01: ssh.KeyAlgoSKED25519, ssh.CertAlgoSKECDSA256v01: ssh.KeyAlgoSKECDSA256,
}

func (o *onceSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	o.tell(algorithm)
	if as, ok := o.Signer.(ssh.AlgorithmSigner); ok {
		return as.SignWithAlgorithm(rand, data, algorithm)
	}
	return o.Sign(rand, data)
}

// send gives the library the next way to try.
func (l *sshLive) send(m ssh.AuthMethod) {
	select {
	case l.next <- m:
	case <-l.done:
	case <-l.quit:
	}
}

// try makes one step of the login.
func (s *SSHConn) try(ctx context.Context, name string, timeout time.Duration, begin func(*SSHAuth)) SSHAuth {
	return do(s.w, "ssh-auth "+name, func() SSHAuth {
		l, start := s.live, time.Now()
		before := l.last
		out := &SSHAuth{} // the library's goroutine writes to it until it asks again or is done
		l.settled = nil
		begin(out)
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		settled := false
		select {
		case now := <-l.asked:
			settled = true
			out.Methods = slices.Clone(now.AllowedMethods)
			out.Partial = before != nil && len(now.PartialSuccessMethods) > len(before.PartialSuccessMethods)
			l.last = now
			if before == nil {
				out.Algorithms = agreed(now.Algorithms)
			}
		case <-l.done:
			settled = true
			out.Failure, out.Errno, out.Disconnect = classifySSH(l.err)
			out.In = l.err == nil
			if out.In && before == nil {
				if a, ok := l.client.Conn.(ssh.AlgorithmsConnMetadata); ok {
					out.Algorithms = agreed(a.Algorithms())
				}
			}
		case <-timer.C:
			out.Failure = Timeout
		case <-ctx.Done():
			out.Failure = Canceled
		}
		out.Took = time.Since(start)
		if !settled {
			l.abort()
		}
		if l.settled != nil {
			l.settled()
		}
		out.Banner = l.takeBanner()
		return *out
	})
}

func agreed(a ssh.NegotiatedAlgorithms) *SSHAlgorithms {
	return &SSHAlgorithms{KeyExchange: a.KeyExchange, HostKey: a.HostKey, Cipher: a.Read.Cipher, MAC: a.Read.MAC}
}

func (l *sshLive) takeBanner() Bytes {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.banner
	l.banner = nil
	return b
}
