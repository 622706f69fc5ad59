package observe

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Hidden stands where a secret stood.
const Hidden = "****"

// redactor knows the secrets, in the forms in which they can turn up.
type redactor struct {
	mu    sync.RWMutex
	forms []string
}

// minSecret is the length from which a secret is looked for anywhere in a
// text. A shorter one would blacken half of the report ("a"); it is hidden
// where it stands as a word of its own.
const minSecret = 4

func (r *redactor) hide(secret string) {
	if secret == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), strings.Trim(strconv.Quote(secret), `"`),
	} {
		if !slices.Contains(r.forms, form) {
			r.forms = append(r.forms, form)
		}
	}
	// The longest first, so that no rest of one is left by another.
	slices.SortFunc(r.forms, func(a, b string) int { return len(b) - len(a) })
}

func (r *redactor) redact(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, form := range r.forms {
		if len(form) >= minSecret {
			s = strings.ReplaceAll(s, form, Hidden)
		} else {
			s = replaceWord(s, form)
		}
	}
	return s
}

func replaceWord(s, word string) string {
	fields := strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == '\r' || c == '\n' })
	if !slices.Contains(fields, word) {
		return s
	}
	parts := strings.Split(s, " ")
	for i, p := range parts {
		if trimmed := strings.TrimRight(p, "\r\n"); trimmed == word {
			parts[i] = Hidden + p[len(trimmed):]
		}
	}
	return strings.Join(parts, " ")
}

// Hide makes a secret known, so that it never leaves in a recording or
// through [World.Redact].
func (w *World) Hide(secret string) { w.secrets.hide(secret) }

// Redact replaces every secret in s by ****.
func (w *World) Redact(s string) string { return w.secrets.redact(s) }
