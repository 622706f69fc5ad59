package main

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"ftpdoctor/internal/finding"
)

func newExplain(p *program) *cobra.Command {
	list := false
	c := &cobra.Command{
		Use:   "explain CODE",
		Short: "Show the page on a finding: meaning, evidence, fix, prevention",
		Example: `  ftpdoctor explain data/passive-private-address
  ftpdoctor explain --list --lang zh`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, d := range finding.Catalogue() {
				codes = append(codes, string(d.Code))
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			lang, err := p.language()
			if err != nil {
				return err
			}
			if list {
				return p.listCodes(lang)
			}
			if len(args) == 0 {
				return fmt.Errorf("no code is given; see: ftpdoctor explain --list")
			}
			if finding.Lookup(finding.Code(args[0])) == nil {
				return fmt.Errorf("there is no code %q%s; see: ftpdoctor explain --list", args[0], nearest(args[0]))
			}
			page, err := finding.PageOf(finding.Code(args[0]), lang)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%s\n\n%s", args[0], page.Readable())
			return nil
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list all codes")
	return c
}

func (p *program) listCodes(lang finding.Lang) error {
	for _, d := range finding.Catalogue() {
		page, err := finding.PageOf(d.Code, lang)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s %s %s\n", runewidth.FillRight(string(d.Code), 34), runewidth.FillRight(d.Severity.String(), 9), page.Title)
	}
	return nil
}

// nearest suggests codes that hold the given word.
func nearest(word string) string {
	var near []string
	for _, d := range finding.Catalogue() {
		if strings.Contains(string(d.Code), strings.ToLower(word)) {
			near = append(near, string(d.Code))
		}
	}
	if len(near) == 0 || len(near) > 5 {
		return ""
	}
	return " (" + strings.Join(near, ", ") + ")"
}
