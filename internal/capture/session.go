package capture

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
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
	Ended    string    `json:"ended"` // closed, reset, refused, icmp, silent, open
	Data     []Channel `json:"data,omitempty"`
	Said     []Said    `json:"said,omitempty"`
	Skipped  int       `json:"said_skipped,omitempty"` // lines left out in the middle
	Bad      bool      `json:"bad,omitempty"`          // something failed in it
}

// Channel is a data connection of a session.
type Channel struct {
	How       string  `json:"how"`            // PASV, EPSV, PORT, EPRT
	Announced string  `json:"announced"`      // as the reply or command says
	Seen      string  `json:"seen,omitempty"` // where the connection went
	Command   string  `json:"command,omitempty"`
	Packet    int     `json:"packet,omitempty"` // of its first packet
	Bytes     int64   `json:"bytes"`
	Seconds   float64 `json:"seconds"`
	Ended     string  `json:"ended"`
	// Rate is how many bytes each column of time carried, from the first on.
	Rate    []int64 `json:"rate,omitempty"`
	ColumnS float64 `json:"column_s,omitempty"`
}

// Said is one thing said.
type Said struct {
	At     float64 `json:"at_s"` // since the session began
	Packet int     `json:"packet"`
	From   string  `json:"from"` // client, server
	Text   string  `json:"text"`
	Bad    bool    `json:"bad,omitempty"`
}

// maxSessions bounds what is listed.
const maxSessions = 500

// Sessions lists the conversations with file services, in the order of their
// beginning; attempts on which nothing came back are among them.
func (a *Analysis) Sessions() []Session {
	var out []Session
	for _, t := range a.targets() {
		for _, h := range t.hosts {
			for _, c := range h.tries {
				if c.isSweep(t) || c.dialogue == nil && c.server.Port() != t.port {
					continue
				}
				out = append(out, a.session(t, c))
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Session) int { return x.Started.Compare(y.Started) })
	if len(out) > maxSessions {
		out = out[:maxSessions]
	}
	for i := range out {
		out[i].Number = i + 1
	}
	return out
}

func (a *Analysis) session(t *target, c *conn) Session {
	s := Session{
		Protocol: "TCP", Client: c.client.String(), Server: c.server.String(), Name: t.name, Started: c.first.at.time(),
		Seconds: c.last.at.Sub(c.first.at).Seconds(), RTT: c.story.rtt.Seconds(),
		Packets: c.story.packets[0] + c.story.packets[1], Up: c.story.bytes[fromClient], Down: c.story.bytes[fromServer],
		Resent: c.story.again[0] + c.story.again[1] + c.story.synAgain, Ended: a.ended(c),
	}
	lines := a.way(c)
	switch d := c.dialogue.(type) {
	case *ftpDialogue:
		s.Protocol, s.User = "FTP", d.user
		if d.secure != nil {
			s.Protocol = "FTP+TLS"
		}
		lines, s.Skipped = append(lines, d.lines...), d.skipped
		for _, x := range d.transfers {
			if x.how != "" {
				s.Data = append(s.Data, a.channel(x))
				lines = append(lines, a.channelLines(x)...)
			}
		}
	case *tlsDialogue:
		s.Protocol = "TLS"
		if d.role == roleControl {
			s.Protocol = "FTPS"
		}
		lines, s.Skipped = append(lines, d.lines...), d.skipped
	case *sshDialogue:
		s.Protocol = "SSH"
		lines, s.Skipped = append(lines, d.lines...), d.skipped
	case *httpDialogue:
		s.Protocol = "HTTP"
		lines, s.Skipped = append(lines, d.lines...), d.skipped
	}
	slices.SortStableFunc(lines, func(x, y line) int { return cmp.Compare(x.m.packet, y.m.packet) })
	for _, l := range lines {
		from := "client"
		if l.from == fromServer {
			from = "server"
		}
		s.Said = append(s.Said, Said{At: l.m.at.Sub(c.first.at).Seconds(), Packet: l.m.packet, From: from, Text: l.text, Bad: l.bad})
		s.Bad = s.Bad || l.bad
	}
	return s
}

// way gives what TCP itself says of a connection, as lines of its diagram.
func (a *Analysis) way(c *conn) []line {
	s := &c.story
	var out []line
	add := func(m moment, from side, text string, bad bool) {
		if m.packet != 0 {
			out = append(out, line{m: m, from: from, kind: aNote, text: text, bad: bad})
		}
	}
	silent := a.fate(c) == fateSilent
	syn := "SYN"
	if silent && s.synAgain > 0 {
		syn = "SYN ×" + itoa(1+s.synAgain)
	}
	add(s.syn, fromClient, syn, silent)
	add(s.synAck, fromServer, "SYN-ACK", false)
	for _, i := range s.icmp {
		add(i.m, fromServer, "ICMP "+icmpName(i)+" ("+i.sender.String()+")", true)
	}
	add(s.fin[fromClient], fromClient, "FIN", false)
	add(s.fin[fromServer], fromServer, "FIN", false)
	add(s.reset, s.resetFrom, "RST", s.resetFrom == fromServer)
	return out
}

// channelLines are those of a data connection in its session's diagram.
func (a *Analysis) channelLines(x *transfer) []line {
	c := x.conn()
	if c == nil {
		return nil
	}
	opener := fromClient
	if !x.passive() {
		opener = fromServer
	}
	n := c.story.bytes[0] + c.story.bytes[1]
	text := "data → " + c.server.String() + ": "
	switch a.fate(c) {
	case fateOpen:
		return []line{{m: c.first, from: opener, kind: aNote, text: text + itoa(int(n)) + " bytes"}}
	default:
		return []line{{m: c.first, from: opener, kind: aNote, text: text + strings.ToUpper(a.ended(c)), bad: true}}
	}
}

func (a *Analysis) channel(x *transfer) Channel {
	ch := Channel{How: x.how, Announced: x.announced.String(), Command: strings.TrimSpace(x.verb + " " + x.arg), Ended: "none"}
	if x.badOffer != "" {
		ch.Announced = x.reply
	}
	if c := x.conn(); c != nil {
		ch.Seen, ch.Packet = c.server.String(), c.first.packet
		if d, ok := c.dialogue.(*dataDialogue); ok && len(d.columns) > 1 {
			ch.Rate, ch.ColumnS = d.columns, d.width.Seconds()
		}
		ch.Bytes, ch.Seconds, ch.Ended = c.story.bytes[0]+c.story.bytes[1], c.last.at.Sub(c.first.at).Seconds(), a.ended(c)
	}
	return ch
}

// ended tells in a word how a connection ended.
func (a *Analysis) ended(c *conn) string {
	s := &c.story
	switch a.fate(c) {
	case fateRefused:
		return "refused"
	case fateICMP:
		return "icmp"
	case fateSilent:
		return "silent"
	}
	switch {
	case s.reset.packet != 0 && (s.fin[fromClient].packet == 0 && s.fin[fromServer].packet == 0 || s.resetFrom == fromServer):
		return "reset"
	case s.fin[fromClient].packet != 0 || s.fin[fromServer].packet != 0:
		return "closed"
	}
	return "open"
}

func itoa(n int) string { return strconv.Itoa(n) }
