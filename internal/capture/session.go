package capture

import (
	"time"
)

// Session is a conversation as a reader wants to see it in a table.
type Session struct {
	Number   int       `json:"number"`
	Protocol string    `json:"protocol"` // FTP, FTPS, FTP+TLS, SSH, HTTP, TLS, or TCP where nothing was said
	Client   string    `json:"client"`
	Server   string    `json:"server"`
	Name     string    `json:"name,omitempty"` // that led to the server's address
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	RTT      float64   `json:"rtt_s,omitempty"` // of the handshake
	Packets  int       `json:"packets"`
	Up       int64     `json:"bytes_up"`
	Down     int64     `json:"bytes_down"`
	Resent   int       `json:"resent,omitempty"`
	User     string    `json:"user,omitempty"`
	Data     []Channel `json:"data,omitempty"`
	Said     []Said    `json:"said,omitempty"`
	Skipped  int       `json:"said_skipped,omitempty"` // lines left out in the middle
	Ended    string    `json:"ended"`                  // how, in a word: closed, reset, refused, silent, open
}

// Channel is a data connection of a session.
type Channel struct {
	How       string  `json:"how"`       // PASV, EPSV, PORT, EPRT
	Announced string  `json:"announced"` // as the reply or command says
	Seen      string  `json:"seen,omitempty"`
	Command   string  `json:"command,omitempty"`
	Bytes     int64   `json:"bytes"`
	Seconds   float64 `json:"seconds"`
	Ended     string  `json:"ended"`
}

// Said is one thing said.
type Said struct {
	At     float64 `json:"at_s"` // since the session began
	Packet int     `json:"packet"`
	From   string  `json:"from"` // client, server
	Text   string  `json:"text"`
	Bad    bool    `json:"bad,omitempty"`
}

// Sessions lists the conversations of the capture.
func (a *Analysis) Sessions() []Session { return nil }
