package probe

import (
	"errors"
	"strconv"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/observe"
)

// What the wires and the system report is put into words here, for details of
// evidence: the words are marked for translation, and what the peer said is not.

// told words a step.
func told(s observe.Step) string {
	switch {
	case s.ICMP != nil:
		return finding.Say("ICMP %s from %s after %s", s.ICMP.Name(), s.ICMP.From.String(), observe.Human(s.Took))
	case s.Failure == observe.None:
		return finding.Say("ok after %s", observe.Human(s.Took))
	case s.Failure == observe.OtherFailure && s.Errno != "":
		return s.Errno
	default:
		return finding.Say("%s after %s", finding.Say(string(s.Failure)), observe.Human(s.Took))
	}
}

// toldError words what ended an exchange.
func toldError(err error) string {
	if step, ok := errors.AsType[*observe.StepError](err); ok {
		return finding.Say("%s (%s bytes received before)", told(step.Step), strconv.FormatInt(step.After, 10))
	}
	return ownWords.Replace(err.Error())
}

// ownWords marks what the packages of this module, and Go's verifier of
// certificates, say in their errors. What is not named here stays in English.
var ownWords = strings.NewReplacer(
	"x509: certificate signed by unknown authority", finding.Say("the certificate is signed by an unknown authority"),
	"malformed SFTP packet", finding.Say("malformed SFTP packet"),
	"malformed answer", finding.Say("malformed answer"),
	"more than a client has to read", finding.Say("more than a client has to read"),
	"head of the answer", finding.Say("head of the answer"),
	"answers of class 1xx", finding.Say("answers of class 1xx"),
	"frames before the answer", finding.Say("frames before the answer"),
	"the body is no multi-status document", finding.Say("the body is no multi-status document"),
	"the body has a document type definition, which no client should read", finding.Say("the body has a document type definition, which no client should read"),
	"the body has more elements, or deeper ones, than a client has to read", finding.Say("the body has more elements, or deeper ones, than a client has to read"),
	"not a reply of FTP", finding.Say("not a reply of FTP"),
	"the reply is longer than 256 KiB or 1,000 lines", finding.Say("the reply is longer than 256 KiB or 1,000 lines"),
	"read FTP reply: ", "",
)

// toldEnd words the end of a session.
func toldEnd(e observe.SSHEnd) string {
	switch {
	case e.Signal != "":
		return finding.Say("signal %s", e.Signal)
	case e.Exited:
		return finding.Say("exit status %s", strconv.FormatUint(uint64(e.Status), 10))
	case e.Message != nil:
		return disconnected(e.Message.Code, e.Message.Message)
	case e.Failure == observe.Timeout:
		return finding.Say("still open")
	case e.Gone:
		return finding.Say("connection closed")
	default:
		return finding.Say("channel closed")
	}
}

// disconnected words the message with which a server ends a session.
func disconnected(code int, message string) string {
	return finding.Say("disconnect %s: %s", strconv.Itoa(code), message)
}
