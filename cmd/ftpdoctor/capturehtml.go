package main

import (
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"ftpdoctor/internal/capture"
	"ftpdoctor/internal/finding"
)

// capturePage is one file without scripts and without anything from elsewhere.
// The template escapes what strangers said.
var capturePage = template.Must(template.New("capture").Parse(`<!DOCTYPE html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark; --line: #8886; --bad: #c62828; --good: #2e7d32; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #a5d6a7; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; font-size: .9em; } td, th { padding: .15rem .6rem; text-align: left; border-bottom: 1px solid var(--line); }
code, td { overflow-wrap: anywhere; } .bad { color: var(--bad); } .good { color: var(--good); }
.box { border-left: 4px solid var(--bad); padding: .2rem 1rem; } .box.good { border-color: var(--good); }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; } svg text { fill: currentColor; font: 12px ui-monospace, monospace; }
svg .bad { fill: var(--bad); } svg line { stroke: currentColor; } svg line.bad { stroke: var(--bad); } svg polyline { fill: none; stroke: var(--good); stroke-width: 1.5; }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
{{with .Report.RootCause}}<div class="box"><p><strong>{{.Title}}</strong> <code>{{.Code}}</code></p><p>{{.Sentence}}</p>
{{if .Candidates}}<p>{{$.Say "candidate"}}</p><ul>{{range .Candidates}}<li><code>{{.Code}}</code> {{.Why}}</li>{{end}}</ul>{{end}}
{{if .Decide}}<p>{{$.Say "decide"}}: {{.Decide}}</p>{{end}}</div>
{{else}}<div class="box good"><p>{{.Say "nothing"}}</p></div>{{end}}
{{if .Report.Checks}}<h2>{{.Say "steps"}}</h2><p>{{range .Report.Checks}}<span class="{{if eq .Outcome "found"}}bad{{else if eq .Outcome "passed"}}good{{end}}">{{if eq .Outcome "found"}}✗{{else if eq .Outcome "passed"}}✓{{else}}–{{end}} {{.Name}}</span>&ensp;{{end}}</p>{{end}}
{{if .Report.Findings}}<h2>{{.Say "findings"}}</h2>{{end}}
{{range .Report.Findings}}<h3>{{.Title}} <code>{{.Code}}</code></h3><p>{{.Sentence}}</p>
<table>{{range .Evidence}}<tr><td>{{.What}}</td><td><code>{{.Detail}}</code></td><td>{{.Source}}</td></tr>{{end}}</table>
{{if .Remedies}}<ul>{{range .Remedies}}<li>{{.Text}}{{range .Commands}}<br><code>{{.}}</code>{{end}}</li>{{end}}</ul>{{end}}
{{end}}
{{if .Report.NotAvailable}}<h2>{{.Say "lacks"}}</h2><ul>{{range .Report.NotAvailable}}<li>{{.}}</li>{{end}}</ul>{{end}}
{{if .Sessions}}<h2>{{.Say "sessions"}}</h2><div class="wide"><table>
<tr><th>#</th><th>{{.Say "protocol"}}</th><th>{{.Say "client"}}</th><th>{{.Say "server"}}</th><th>{{.Say "user"}}</th><th>{{.Say "ended"}}</th><th>{{.Say "seconds"}}</th><th>{{.Say "up"}}</th><th>{{.Say "down"}}</th><th>{{.Say "resent"}}</th></tr>
{{range .Sessions}}<tr{{if .Bad}} class="bad"{{end}}><td><a href="#s{{.Number}}">{{.Number}}</a></td><td>{{.Protocol}}</td><td>{{.Client}}</td><td>{{.Server}}</td><td>{{.User}}</td><td>{{$.Say .Ended}}</td><td>{{printf "%.3f" .Seconds}}</td><td>{{.Up}}</td><td>{{.Down}}</td><td>{{.Resent}}</td></tr>
{{end}}</table></div>{{end}}
{{range .Drawn}}<h2 id="s{{.Number}}">{{$.Heading .Session}}</h2>
{{if .Data}}<div class="wide"><table><tr><th>{{$.Say "how"}}</th><th>{{$.Say "announced"}}</th><th>{{$.Say "seen"}}</th><th>{{$.Say "command"}}</th><th>{{$.Say "ended"}}</th><th>{{$.Say "bytes"}}</th></tr>
{{range .Data}}<tr><td>{{.How}}</td><td>{{.Announced}}</td><td>{{.Seen}}</td><td>{{.Command}}</td><td>{{$.Say .Ended}}</td><td>{{.Bytes}}</td></tr>{{end}}</table></div>{{end}}
<div class="wide">{{.Diagram}}</div>
{{range .Plots}}{{.}}{{end}}
{{end}}
</body>
</html>
`))

// drawnSession is a session with its pictures.
type drawnSession struct {
	capture.Session
	Diagram template.HTML
	Plots   []template.HTML
}

// page is what the template shows.
type page struct {
	captureView
	Lang     finding.Lang
	Title    string
	Report   *finding.Report
	Sessions []capture.Session
	Drawn    []drawnSession
}

// Say gives a word of the page.
func (p page) Say(key string) string { return p.say(key) }

// Heading names a session.
func (p page) Heading(s capture.Session) string {
	return p.say("diagram", s.Number, s.Protocol, s.Client, s.Server)
}

const maxDrawn = 60

// html writes the report as a page.
func (v captureView) html(w io.Writer, r *finding.Report) error {
	p := page{captureView: v, Lang: v.lang, Title: v.say("title", visibleText(r.Target)), Report: r, Sessions: v.sessions}
	for i, s := range v.sessions {
		if i == maxDrawn {
			break
		}
		d := drawnSession{Session: s, Diagram: v.svg(s)}
		for _, c := range s.Data {
			if plot := plotSVG(c); plot != "" {
				d.Plots = append(d.Plots, plot)
			}
		}
		p.Drawn = append(p.Drawn, d)
	}
	if err := capturePage.Execute(w, p); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

const (
	svgWidth = 760
	svgRow   = 20
)

// svg draws the sequence diagram of a session. Every text in it is escaped.
func (v captureView) svg(s capture.Session) template.HTML {
	var b strings.Builder
	height := (len(s.Said) + 2) * svgRow
	const left, right = 130, svgWidth - 10
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" width="%d" role="img" aria-label="%s">`, svgWidth, height, svgWidth, template.HTMLEscapeString(v.say("said")))
	fmt.Fprintf(&b, `<text x="%d" y="14">%s</text><text x="%d" y="14" text-anchor="end">%s</text>`, left, template.HTMLEscapeString(v.say("client")), right, template.HTMLEscapeString(v.say("server")))
	fmt.Fprintf(&b, `<line x1="%d" y1="20" x2="%d" y2="%d"/><line x1="%d" y1="20" x2="%d" y2="%d"/>`, left, left, height, right, right, height)
	for i, l := range s.Said {
		y := (i+2)*svgRow - 4
		class := ""
		if l.Bad {
			class = ` class="bad"`
		}
		fmt.Fprintf(&b, `<text x="0" y="%d">%.3f #%d</text>`, y, l.At, l.Packet)
		text := template.HTMLEscapeString(runewidth.Truncate(visibleText(l.Text), 78, "…"))
		tip, anchor, at, head := right, "start", left+8, fmt.Sprintf("M%d %d l-7 -4 v8 z", right, y+4)
		if l.From == "server" {
			tip, anchor, at, head = left, "end", right-8, fmt.Sprintf("M%d %d l7 -4 v8 z", left, y+4)
		}
		fmt.Fprintf(&b, `<line%s x1="%d" y1="%d" x2="%d" y2="%d" stroke-width=".6"/><path%s d="%s" fill="currentColor"/>`, class, left+right-tip, y+4, tip, y+4, class, head)
		fmt.Fprintf(&b, `<text%s x="%d" y="%d" text-anchor="%s">%s</text>`, class, at, y, anchor, text)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // every foreign text in it went through HTMLEscapeString
}

// plotSVG draws the throughput of a data connection; empty where there is
// nothing to draw.
func plotSVG(c capture.Channel) template.HTML {
	if len(c.Rate) < 2 || c.ColumnS <= 0 {
		return ""
	}
	top := int64(1)
	for _, n := range c.Rate {
		top = max(top, n)
	}
	const w, h = 600, 90
	var points strings.Builder
	for i, n := range c.Rate {
		fmt.Fprintf(&points, "%.1f,%.1f ", float64(i)*w/float64(len(c.Rate)-1), h-float64(n)*(h-14)/float64(top))
	}
	seconds := c.ColumnS * float64(len(c.Rate))
	return template.HTML(fmt.Sprintf(`<p><svg viewBox="0 -4 %d %d" width="%d" role="img"><line x1="0" y1="%d" x2="%d" y2="%d"/><polyline points="%s"/><text x="4" y="10">%.0f KiB/s</text><text x="%d" y="%d" text-anchor="end">%s, %.1f s</text></svg></p>`,
		w, h+24, w, h, w, h, points.String(), float64(top)/c.ColumnS/1024, w, h+14, template.HTMLEscapeString(visibleText(c.Command)), seconds))
}
