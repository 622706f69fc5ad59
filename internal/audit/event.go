package audit

import "math"

// Action is what was done.
type Action uint8

// The actions.
const (
	NoAction Action = iota // something else: a message, a command of no consequence
	Connect
	Login
	Logout
	Upload
	Download
	Delete
	Rename
	MakeDir
	RemoveDir
	List
	TLSControl  // TLS begins on the control connection
	TLSData     // TLS begins on a data connection
	Command     // a command that is none of the others
	Credentials // a service tries a password; how that ends is another event
	ServiceStart
	ServiceStop
	nActions
)

var actionNames = [nActions]string{
	"", "connect", "login", "logout", "upload", "download", "delete", "rename", "make-directory", "remove-directory",
	"list", "tls", "tls-data", "command", "credentials", "service-start", "service-stop",
}

func (a Action) String() string { return actionNames[a] }

// Outcome is how it ended.
type Outcome uint8

// The outcomes.
const (
	NoOutcome Outcome = iota
	Success
	Failure
	nOutcomes
)

// ECS values of event.outcome.
var outcomeNames = [nOutcomes]string{"unknown", "success", "failure"}

func (o Outcome) String() string { return outcomeNames[o] }

// turn is what a line means to the session it belongs to.
type turn uint8

const (
	aside  turn = iota // it says itself who it is about, or nothing does
	begins             // it says who the session belongs to
	within             // that stands in an earlier line
	over               // the session ends
)

// noTime is the time of a line that states none.
const noTime = math.MinInt64

// event is one line as understood. Its slices are parts of the line and live
// only until the next one is read.
type event struct {
	when    int64 // milliseconds since 1970 in UTC, or noTime
	bytes   int64 // transferred; -1: not stated
	millis  int64 // how long it took; -1: not stated
	rate    int64 // bytes per second; -1: not stated
	session int64 // number of the process or the session; -1: not stated

	source, user, path, target, message []byte
	tlsVersion, tlsCipher               []byte

	action  Action
	outcome Outcome
	cause   cause
	turn    turn
	// echo: another line of the same log tells the same thing, if the log has
	// such lines at all (PAM's beside the server's own).
	echo bool
	// secure: a login that needs no TLS, since it came over SSH.
	secure bool
	// shared: any program of the machine may have met it, not the file service
	// alone.
	shared bool
	// showsTLS: the log is one that would show TLS as well.
	showsTLS bool
}

func (e *event) reset() {
	*e = event{when: noTime, bytes: -1, millis: -1, rate: -1, session: -1}
}

// kind is what a reader made of a line.
type kind uint8

const (
	unknown kind = iota // not understood
	known               // an event
	quiet               // understood, and of no consequence
	foreign             // a line of another program
)
