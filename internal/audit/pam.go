package audit

import "bytes"

// pam reads what PAM's modules log in the name of a server:
//
//	pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=lab rhost=192.0.2.7  user=lab
func pam(b []byte, e *event) kind {
	if rest, ok := clip(b, "PAM "); ok {
		if _, more, ok := number(rest); ok && contains(more, "more authentication failure") {
			return pamFailure(more, e)
		}
		if starts(rest, "service(") {
			return quiet
		}
		e.cause, e.outcome, e.message = pamBroken, Failure, b
		return known
	}
	_, text, ok := bytes.Cut(b, []byte("): "))
	if !ok {
		return unknown
	}
	e.message = text
	if starts(text, "authentication failure;") {
		return pamFailure(text, e)
	}
	for _, s := range pamQuiet {
		if starts(text, s) {
			return quiet
		}
	}
	for i := range pamSays {
		p := &pamSays[i]
		if !contains(text, p.words) {
			continue
		}
		e.outcome, e.cause = Failure, p.cause
		if name, ok := between(text, p.before, p.after); ok {
			e.user = name
		}
		return known
	}
	return unknown
}

func pamFailure(b []byte, e *event) kind {
	e.action, e.outcome, e.cause, e.echo = Login, Failure, rejected, true
	for field := range bytes.FieldsSeq(b) {
		if v, ok := clip(field, "rhost="); ok {
			e.source, _ = address(v)
		} else if v, ok := clip(field, "user="); ok && len(v) > 0 {
			e.user = v
		} else if v, ok := clip(field, "ruser="); ok && len(e.user) == 0 {
			e.user = v
		}
	}
	return known
}

var pamQuiet = []string{
	"session opened for user", "session closed for user", "check pass; user unknown", "password changed for", "deprecated reading of user environment",
	"password for user", "Unable to open env file", "Couldn't open", "unrecognized option", "Password for user",
}

// pamSays are the words of modules, the cause that they state, and what stands
// before and after the user's name.
var pamSays = []struct {
	words         string
	cause         cause
	before, after string
}{
	{"has expired (account expired)", accountExpired, "account ", " has expired"},
	{"has expired (failed to change password)", passwordExpired, "account ", " has expired"},
	{"expired password for user", passwordExpired, "for user ", " ("},
	{"account temporarily locked", accountLocked, "for user ", " account"},
	{"tally ", accountLocked, "user ", " ("},
	{"Refused user", userDenied, "Refused user ", " for service"},
	{"invalid shell", shellNotListed, "user ", " "},
	{"not met by user", userDenied, `by user "`, `"`},
	{"access denied for user", userDenied, "for user `", "'"},
	{"unable to open", pamBroken, "\x00", "\x00"},
	{"error opening", pamBroken, "\x00", "\x00"},
	{"no such user", unknownUser, "\x00", "\x00"},
	{"could not identify user", unknownUser, "\x00", "\x00"},
	{"Limits of user", tooManyForUser, "\x00", "\x00"},
	{"Too many logins", tooManyForUser, "for ", "\x00"},
}
