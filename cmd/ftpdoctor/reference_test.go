package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ftpdoctor/internal/finding"
)

// tree reads all files under a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = strings.ReplaceAll(string(b), "\r\n", "\n") // as Git may check out
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestReferenceIsFresh: what is generated and committed is what the source says.
func TestReferenceIsFresh(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	if code := run([]string{"reference", dir}, strings.NewReader(""), &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, part := range []string{"man", "reference"} {
		fresh := tree(t, filepath.Join(dir, part))
		if len(fresh) < 5 {
			t.Errorf("%s: %d files", part, len(fresh))
		}
		if diff := cmp.Diff(tree(t, filepath.Join("..", "..", "docs", part)), fresh); diff != "" {
			t.Errorf("docs/%s is stale (go generate ./... mends it):\n%s", part, diff)
		}
	}
}

// TestExplainEach: there is a page on every code, in each language, with nothing
// left to be filled in by the program.
func TestExplainEach(t *testing.T) {
	for _, d := range finding.Catalogue() {
		for _, lang := range finding.Langs {
			var out, errs bytes.Buffer
			code := run([]string{"explain", string(d.Code), "--lang", string(lang)}, strings.NewReader(""), &out, &errs)
			text := out.String()
			if code != exitOK || errs.Len() > 0 || !strings.HasPrefix(text, string(d.Code)+"\n") || strings.Count(text, "\n") < 15 {
				t.Errorf("%s, %s: exit code %d, %d lines, %s", d.Code, lang, code, strings.Count(text, "\n"), errs.String())
			}
			if strings.Contains(text, "[[") && !strings.Contains(text, "[[ ") {
				t.Errorf("%s, %s: a group is left", d.Code, lang)
			}
		}
	}
}
