package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"ftpdoctor/internal/finding"
)

//go:generate go run . reference ../../docs

// newReference writes the generated part of the documentation.
func newReference(p *program) *cobra.Command {
	return &cobra.Command{
		Use:    "reference DIR",
		Short:  "Write man pages, the reference of commands and the list of codes",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := args[0]
			root := newRoot(p)
			root.DisableAutoGenTag = true
			for _, sub := range []string{"man", "reference"} {
				if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
					return err
				}
				if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
					return err
				}
			}
			header := &doc.GenManHeader{Title: "FTPDOCTOR", Section: "1", Source: "ftpdoctor", Manual: "ftpdoctor"}
			header.Date = nil
			if err := genMan(root, header, filepath.Join(dir, "man")); err != nil {
				return err
			}
			if err := doc.GenMarkdownTree(root, filepath.Join(dir, "reference")); err != nil {
				return fmt.Errorf("reference of commands: %w", err)
			}
			return writeCodes(filepath.Join(dir, "reference"))
		},
	}
}

// genMan writes man pages without the date of today, so that the same source
// gives the same files.
func genMan(c *cobra.Command, h *doc.GenManHeader, dir string) error {
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := genMan(sub, h, dir); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	one := *h
	one.Title = strings.ToUpper(strings.ReplaceAll(c.CommandPath(), " ", "-"))
	if err := doc.GenMan(c, &one, &b); err != nil {
		return fmt.Errorf("man page of %s: %w", c.CommandPath(), err)
	}
	text := b.String()
	if i := strings.Index(text, ".TH "); i >= 0 { // .TH "NAME" "1" "Nov 2026" "source" "manual"
		end := i + strings.IndexByte(text[i:], '\n')
		f := strings.SplitN(text[i:end], `"`, 7)
		if len(f) == 7 {
			f[5] = ""
			text = text[:i] + strings.Join(f, `"`) + text[end:]
		}
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
}

// writeCodes lists the catalogue, in each language.
func writeCodes(dir string) error {
	for _, lang := range finding.Langs {
		var b strings.Builder
		heading := map[finding.Lang]string{
			finding.English: "# Finding codes\n\n| code | severity | what it says |\n| --- | --- | --- |\n",
			finding.Chinese: "# 诊断代码\n\n| 代码 | 严重程度 | 含义 |\n| --- | --- | --- |\n",
		}[lang]
		b.WriteString(heading)
		for _, d := range finding.Catalogue() {
			page, err := finding.PageOf(d.Code, lang)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "| [%s](../../internal/finding/pages/%s/%s.md) | %s | %s |\n", d.Code, lang, d.Code, d.Severity, page.Title)
		}
		if err := os.WriteFile(filepath.Join(dir, "codes."+string(lang)+".md"), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
