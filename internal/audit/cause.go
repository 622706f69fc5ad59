package audit

import (
	"bytes"

	"ftpdoctor/internal/finding"
)

// cause is why something failed, as far as the log says so.
type cause uint8

// The causes. What comes first is milder: of two that one line fits, readers
// state the more exact one.
const (
	noCause      cause = iota
	rejected           // a wrong name or password; the log does not say which
	unknownUser        // the account does not exist
	userDenied         // a list or rule keeps the account out
	anonymousOff       // anonymous login is off
	shellNotListed
	accountLocked
	accountExpired
	passwordExpired
	homeMissing
	chrootWritable
	pamBroken
	keyRejected
	keysUnsafe
	keySignature
	tooManyAttempts
	tlsRequired
	tlsVersion
	tlsCipher
	tlsClient    // the client refused the certificate, by an alert
	tlsHandshake // the handshake broke otherwise
	tlsReuse     // data without resumption
	tlsData
	tlsClientCert
	tlsNoCertificate
	sshAlgorithms
	sshThrottled
	sshSubsystem
	sshChroot
	sshShell
	tooMany
	tooManyFromSource
	tooManyForUser
	sourceDenied
	aborts
	resources
	serviceFailed // the service could not start, or ended by itself
	activeFailed
	passiveFailed
	portRefused
	aborted
	permission
	notFound
	diskFull
	quota
	readOnly
	nameRefused
	overwrite
	idle
	fileOther // a file operation failed; the log does not say why
	nCauses
)

// causes gives each cause its place in the catalogue; nil: it is counted and
// becomes no finding of its own.
var causes = [nCauses]struct {
	name string
	def  *finding.Def
}{
	rejected:          {"rejected", finding.AuthRejected},
	unknownUser:       {"unknown-user", finding.AuthUserUnknown},
	userDenied:        {"user-denied", finding.AuthUserDenied},
	anonymousOff:      {"anonymous-disabled", finding.AuthAnonymousDisabled},
	shellNotListed:    {"shell-not-listed", finding.AuthShellNotListed},
	accountLocked:     {"account-locked", finding.AuthAccountLocked},
	accountExpired:    {"account-expired", finding.AuthAccountExpired},
	passwordExpired:   {"password-expired", finding.AuthPasswordExpired},
	homeMissing:       {"home-missing", finding.AuthHomeMissing},
	chrootWritable:    {"chroot-writable", finding.AuthChrootWritable},
	pamBroken:         {"pam-broken", finding.AuthPAMBroken},
	keyRejected:       {"key-rejected", finding.SSHKeyRejected},
	keysUnsafe:        {"authorized-keys-unsafe", finding.SSHAuthorizedKeysUnsafe},
	keySignature:      {"no-common-signature", finding.SSHNoCommonSignature},
	tooManyAttempts:   {"too-many-attempts", finding.SSHTooManyAttempts},
	tlsRequired:       {"tls-required", finding.TLSRequired},
	tlsVersion:        {"tls-version", finding.TLSVersionMismatch},
	tlsCipher:         {"tls-cipher", finding.TLSNoCommonCipher},
	tlsClient:         {"certificate-refused", finding.TLSCertUntrusted},
	tlsHandshake:      {"tls-handshake", nil},
	tlsReuse:          {"tls-session-reuse", finding.TLSDataSessionReuseRequired},
	tlsData:           {"tls-data", finding.TLSDataHandshakeFailed},
	tlsClientCert:     {"client-certificate", finding.TLSClientCertRequired},
	tlsNoCertificate:  {"no-certificate", finding.TLSNoCertificate},
	sshAlgorithms:     {"no-common-algorithm", finding.SSHNoCommonAlgorithm},
	sshThrottled:      {"throttled", finding.SSHThrottled},
	sshSubsystem:      {"no-sftp-subsystem", finding.SSHSFTPNotEnabled},
	sshChroot:         {"chroot-ownership", finding.SSHChrootOwnership},
	sshShell:          {"login-shell", finding.AuthShellMissing},
	tooMany:           {"too-many-connections", finding.ServiceTooManyConnections},
	tooManyFromSource: {"too-many-from-source", finding.ServiceTooManyFromSource},
	tooManyForUser:    {"too-many-for-user", finding.ServiceTooManyForUser},
	sourceDenied:      {"source-not-allowed", finding.NetSourceNotAllowed},
	aborts:            {"server-aborts", finding.ServiceAborts},
	resources:         {"resources", finding.ServiceResourceExhausted},
	serviceFailed:     {"service-failed", finding.ServiceFailed},
	activeFailed:      {"active-connection-failed", finding.DataActiveBlocked},
	passiveFailed:     {"passive-connection-failed", finding.DataPassiveFiltered},
	portRefused:       {"active-refused", finding.DataActiveRefused},
	aborted:           {"transfer-aborted", nil},
	permission:        {"permission-denied", finding.FilePermissionDenied},
	notFound:          {"not-found", finding.FileNotFound},
	diskFull:          {"disk-full", finding.FileDiskFull},
	quota:             {"quota-exceeded", finding.FileQuotaExceeded},
	readOnly:          {"read-only", finding.FileReadOnly},
	nameRefused:       {"name-refused", finding.FileNameRefused},
	overwrite:         {"overwrite-denied", finding.FileOverwriteDenied},
	idle:              {"idle-timeout", nil},
	fileOther:         {"file-operation", nil},
}

func (c cause) String() string { return causes[c].name }

// login tells whether a cause keeps a user from logging in.
func (c cause) login() bool { return c >= rejected && c <= tooManyAttempts }

// said maps words to the cause that they state. The first that fits counts.
type said struct {
	words string
	cause cause
}

// systemErrors are the words of strerror(3), which all of them quote.
var systemErrors = []said{
	{"No space left on device", diskFull},
	{"no space left on device", diskFull},
	{"Disk quota exceeded", quota},
	{"Read-only file system", readOnly},
	{"No such file or directory", notFound},
	{"no such file or directory", notFound},
	{"Permission denied", permission},
	{"permission denied", permission},
	{"Operation not permitted", permission},
	{"File name too long", nameRefused},
	{"File exists", overwrite},
	{"Too many open files", resources},
	{"Cannot allocate memory", resources},
}

// tlsErrors are the words of OpenSSL and of what is built on it.
var tlsErrors = []said{
	{"no shared cipher", tlsCipher},
	{"no common cipher", tlsCipher},
	{"no suitable signature algorithm", tlsCipher},
	{"no suitable key share", tlsCipher},
	{"unsupported protocol", tlsVersion},
	{"wrong version number", tlsVersion},
	{"unknown protocol", tlsVersion},
	{"version too low", tlsVersion},
	{"alert protocol version", tlsVersion},
	{"alert unknown ca", tlsClient},
	{"alert bad certificate", tlsClient},
	{"alert certificate expired", tlsClient},
	{"alert certificate unknown", tlsClient},
	{"alert handshake failure", tlsCipher},
	{"peer did not return a certificate", tlsClientCert},
	{"session reuse", tlsReuse},
	{"did not reuse SSL session", tlsReuse},
	{"did not reuse TLS session", tlsReuse},
	{"not resumed", tlsReuse},
}

// replies are the words of servers' replies, which some log whole.
var replies = []said{
	{"session reuse", tlsReuse},
	{"not resumed", tlsReuse},
	{"writable root", chrootWritable},
	{"writeable root", chrootWritable},
	{"cannot change directory", homeMissing},
	{"home directory", homeMissing},
	{"Home directory", homeMissing},
	{"from your internet address", tooManyFromSource},
	{"from the same IP", tooManyFromSource},
	{"too many connections", tooMany},
	{"oo many users", tooMany},
	{"anonymous only", userDenied},
	{"must use encryption", tlsRequired},
	{"Use AUTH first", tlsRequired},
	{"SSL is required", tlsRequired},
	{"SSL/TLS required", tlsRequired},
	{"TLS is required", tlsRequired},
	{"cleartext sessions", tlsRequired},
	{"Could not create file", permission},
	{"Failed to open file", notFound},
	{"OOPS", aborts},
}

// find returns the cause that a text states.
func find(text []byte, tables ...[]said) cause {
	for _, table := range tables {
		for _, s := range table {
			if bytes.Contains(text, []byte(s.words)) {
				return s.cause
			}
		}
	}
	return noCause
}
