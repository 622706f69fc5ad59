package probe

import (
	"context"
	"fmt"

	"ftpdoctor/internal/dav"
	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// authenticate answers a 401: once, by the strongest scheme that is spoken here.
// False: the way ends here, and why was stated.
func (r *run) authenticate(ctx context.Context, res *resource, v visit) (visit, bool) {
	asked := v.answer.Challenges()
	schemes := orNone(dav.Schemes(asked))
	r.facts.Features = append(r.facts.Features, "authentication: "+bounded(schemes))
	if r.target.User == "" {
		f := finding.New(finding.AuthAnonymousDisabled, finding.Confirmed).Stop().With("reply", v.answer.Line()).
			Saw("the answer to a request without credentials", v.String(), fromServer).
			Saw("the schemes of authentication that the server offers", schemes, fromServer)
		if r.options.found {
			f.As(finding.Notice) // nobody asked for anonymous access: no credentials were given
		}
		r.find(f)
		return v, false
	}
	c, ok := dav.Strongest(asked)
	if !ok {
		r.find(finding.New(finding.ClientLibraryLimit, finding.Confirmed).Stop().With("reply", v.answer.Line()+": "+schemes).
			Saw("the schemes of authentication that the server offers", schemes, fromServer).
			Saw("the schemes that clients with a user and a password speak", "Basic, Digest", fromThisMachine))
		return v, false
	}
	res.site.login = &loginState{challenge: c}
	r.tellClearText(res.site, v)
	again := res.site.say(ctx, v.method, v.target, loginTimeout)
	switch {
	case again.answer == nil:
		r.cutAtPassword(again)
		return again, false
	case again.status() == 401:
		r.passwordRefused(again, schemes)
		return again, false
	}
	res.loggedIn = again.status() < 500
	r.facts.Timings["auth"] = seconds(again.took)
	if again.took >= slowLogin {
		r.find(finding.New(finding.PerformanceSlowLogin, finding.Confirmed).With("seconds", fmt.Sprintf("%.1f", again.took.Seconds())).
			Saw("time until the login was accepted", observe.Human(again.took), fromServer))
	}
	return again, true
}

// cutAtPassword: the request with credentials brought no answer, although the
// one without did.
func (r *run) cutAtPassword(v visit) {
	def := finding.ServiceAborts
	if v.failure() == observe.Timeout {
		def = finding.ServiceHung
	}
	r.find(finding.New(def, finding.Likely).Stop().
		Saw("the request with credentials", v.String(), fromServer).
		Or(def, "the server waits for its user database, or fails on it").
		DecideBy("on the server: read the error log of this moment"))
}

// passwordRefused: a server says no more than 401.
func (r *run) passwordRefused(v visit, schemes string) {
	r.find(finding.New(finding.AuthRejected, finding.Likely).Stop().With("reply", v.answer.Line()).
		Saw("the answer to the request with credentials", v.String(), fromServer).
		Saw("the schemes of authentication that the server offers", schemes, fromServer).
		Saw("time until the reply", observe.Human(v.took), fromServer).
		Or(finding.AuthRejected, "user or password is wrong").
		Or(finding.AuthUserUnknown, "the account does not exist").
		Or(finding.AuthAccountLocked, "the account is locked").
		Or(finding.AuthSecondFactorRequired, "the server wants a password of its own for WebDAV, because the account has a second factor").
		Or(finding.HTTPMethodBlocked, "a proxy before the server does not pass on the field Authorization").
		Or(finding.ClientCredentialsMangled, "the password was altered on its way here (quoting, character set)").
		DecideBy("on the server: read the error log of this moment; it names the user and the reason"))
}

// tellClearText says that the password crosses in clear, as for FTP without TLS.
func (r *run) tellClearText(s *site, v visit) {
	if s.login.challenge.Scheme != "basic" || s.secure {
		return
	}
	r.find(finding.New(finding.SecurityClearTextLogin, finding.Confirmed).With("reply", v.answer.Line()).
		Saw("the server asks for the password over a connection that is not encrypted", "Basic, "+s.origin(), fromServer))
}
