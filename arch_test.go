// Package ftpdoctor_test holds what no single package can hold about itself:
// who may import whom, where the program may touch the world, and that every
// phrase is there in both languages.
package ftpdoctor_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// may is the architecture: what each package may import from this module.
// Sources of findings never import each other, uses never import a source, and
// nothing imports cmd.
var may = map[string]struct {
	imports string // packages of this module
	tests   string // what its tests may import besides
	pure    bool   // no network, no files, no processes: it works on values
}{
	// the waist: the vocabulary of findings
	"internal/finding": {pure: true},
	// primitives: know nothing of findings
	"internal/observe": {tests: "ftptest"},
	"internal/ftp":     {pure: true},
	"internal/tlswire": {pure: true},
	"internal/sshwire": {pure: true},
	"internal/dav":     {}, // reads HTTP from a stream with net/http's parser; opens nothing
	// rule sets as a model
	"internal/firewall": {pure: true},
	"internal/conf":     {pure: true},
	"internal/machine":  {}, // a machine, here or over SSH: runs commands, reads files
	// sources: turn the world into findings; they touch it through observe alone
	"internal/probe":      {imports: "finding observe ftp tlswire sshwire dav", tests: "ftptest report", pure: true},
	"internal/lint":       {imports: "finding conf", pure: true},
	"internal/audit":      {imports: "finding ftp", pure: true},
	"internal/host":       {imports: "finding machine conf firewall", pure: true}, // the machine is all it touches
	"internal/transcript": {imports: "finding observe ftp", pure: true},
	"internal/capture":    {imports: "finding ftp tlswire sshwire dav"}, // packets of files, or of an interface
	// uses: work on findings
	"internal/report": {imports: "finding", pure: true},
	"internal/fix":    {imports: "finding machine conf firewall", pure: true}, // the machine is all it touches
	// configurations as one would wish to find them
	"internal/setup": {imports: "finding", tests: "conf lint", pure: true},
	// for tests, demo and training
	"internal/ftptest": {imports: "ftp"},
	"internal/lab":     {imports: "finding setup", tests: "conf lint"},
	// the program wires them together
	"cmd/ftpdoctor": {imports: "finding observe ftp tlswire sshwire dav conf machine probe host lint audit transcript capture report fix setup ftptest lab"},
}

// dialers are the packages that may open connections and sockets.
var dialers = []string{"internal/observe", "internal/machine", "internal/ftptest", "internal/lab"}

// long lists the functions and files that are longer than 80 and 800 lines, and
// why. The literal that a function returns at its end does not count: it is a
// table, and a table is as long as the matter.
var long = map[string]string{}

const (
	maxFunction = 80
	maxFile     = 800
	maxTestFile = 1500
)

const module = "ftpdoctor/"

// source is one Go file of the module, whatever system it is for.
type source struct {
	dir, name string // name: the path from the root
	test      bool
	fset      *token.FileSet
	syntax    *ast.File
	lines     int
}

// sources parses every Go file but those of the tools, which are modules of
// their own.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "testdata" || base == "tools" || name != "." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{
			dir: path.Dir(name), name: name, test: strings.HasSuffix(name, "_test.go"),
			fset: fset, syntax: syntax, lines: bytes.Count(text, []byte("\n")),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found %d Go files: this test must run in the root of the module", len(all))
	}
	return all
}

// at gives the place of a node as file:line.
func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.fset.Position(n.Pos()).Line)
}

// imports lists the import paths of the file.
func (s source) imports() []string {
	var out []string
	for _, i := range s.syntax.Imports {
		p, _ := strconv.Unquote(i.Path.Value) // the parser has checked it
		out = append(out, p)
	}
	return out
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if s.dir == "." {
			continue
		}
		seen[s.dir] = true
		rule, ok := may[s.dir]
		if !ok {
			t.Errorf("%s: package %s is not in the table of imports (arch_test.go)", s.name, s.dir)
			continue
		}
		allowed := strings.Fields(rule.imports)
		if s.test {
			allowed = append(allowed, strings.Fields(rule.tests)...)
			allowed = append(allowed, path.Base(s.dir))
		}
		for _, p := range s.imports() {
			if rest, ours := strings.CutPrefix(p, module); ours && !slices.Contains(allowed, path.Base(rest)) {
				t.Errorf("%s: %s must not import %s", s.name, s.dir, rest)
			}
			if rule.pure && !s.test && slices.Contains([]string{"net", "net/http", "os", "os/exec", "syscall"}, p) {
				t.Errorf("%s: %s works on values alone and must not import %s", s.name, s.dir, p)
			}
		}
	}
	for dir := range may {
		if !seen[dir] {
			t.Errorf("the table of imports names %s, which does not exist", dir)
		}
	}
}

func TestPackages(t *testing.T) {
	comment := map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		comment[s.dir] += s.syntax.Doc.Text()
		if name := s.syntax.Name.Name; slices.Contains([]string{"util", "utils", "common", "types", "model", "models", "helper", "helpers"}, name) {
			t.Errorf("%s: a package called %s says nothing of what it is for", s.name, name)
		}
	}
	for dir, text := range comment {
		if len(strings.Fields(text)) < 10 {
			t.Errorf("%s: the package has no comment that says what it hides and promises", dir)
		}
	}
}

// The world is touched in few places, so that steps are timed, recorded and
// redacted, and so that a package can be tested without its process ending.
func TestTheWorldIsTouchedInFewPlaces(t *testing.T) {
	opens := regexp.MustCompile(`^(net\.(Dial\w*|Listen(TCP|UDP|IP|Unix|Unixgram|MulticastUDP|Packet|Config)?|Lookup\w+|Resolver|DefaultResolver)|tls\.(Dial\w*|Listen)|http\.(Get|Head|Post\w*|DefaultClient|Client|Transport))$`)
	// What a check or a report says depends on what was observed, and on nothing
	// else: a recording must replay to the same words.
	varies := regexp.MustCompile(`^(time\.(Now|Since|Until|Sleep|After|AfterFunc|Tick|NewTimer|NewTicker)|rand\.\w+|runtime\.GOOS)$`)
	judges := []string{"internal/finding", "internal/probe", "internal/transcript", "internal/report"}
	ends := regexp.MustCompile(`^(fmt\.Print\w*|os\.Exit|log\.(Fatal|Print|Panic)\w*)$`)
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := id.Name + "." + sel.Sel.Name
			if opens.MatchString(name) && !slices.Contains(dialers, s.dir) {
				t.Errorf("%s: %s: connections are opened only in %s", s.at(n), name, strings.Join(dialers, ", "))
			}
			if varies.MatchString(name) && slices.Contains(judges, s.dir) {
				t.Errorf("%s: %s would make a replay differ; package observe has it as a step", s.at(n), name)
			}
			if ends.MatchString(name) && !strings.HasPrefix(s.dir, "cmd/") {
				t.Errorf("%s: %s belongs in cmd", s.at(n), name)
			}
			return true
		})
	}
}

func TestLengths(t *testing.T) {
	used := map[string]bool{}
	excused := func(name string) bool { used[name] = true; return long[name] != "" }
	for _, s := range sources(t) {
		if ast.IsGenerated(s.syntax) {
			continue
		}
		limit := maxFile
		if s.test {
			limit = maxTestFile
		}
		if s.lines > limit && !excused(s.name) {
			t.Errorf("%s has %d lines", s.name, s.lines)
		}
		for _, d := range s.syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil || s.test {
				continue
			}
			if n := s.codeLines(f); n > maxFunction && !excused(s.name+":"+f.Name.Name) {
				t.Errorf("%s: function %s has %d lines", s.at(f), f.Name.Name, n)
			}
		}
	}
	for name := range long {
		if !used[name] {
			t.Errorf("%s is excused for its length and is not too long", name)
		}
	}
}

// codeLines counts the lines of a function but for the literals that it
// returns at its end.
func (s source) codeLines(f *ast.FuncDecl) int {
	line := func(p token.Pos) int { return s.fset.Position(p).Line }
	n := line(f.End()) - line(f.Pos()) + 1
	if len(f.Body.List) == 0 {
		return n
	}
	last, ok := f.Body.List[len(f.Body.List)-1].(*ast.ReturnStmt)
	if !ok {
		return n
	}
	ast.Inspect(last, func(node ast.Node) bool {
		table, ok := node.(*ast.CompositeLit)
		if ok {
			n -= line(table.End()) - line(table.Pos())
		}
		return !ok
	})
	return n
}

// Nothing that is committed may speak of the machine on which it was written.
func TestNoMachinePaths(t *testing.T) {
	list, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("not a checkout: git ls-files: %v", err)
	}
	machine := regexp.MustCompile(`(^|[^\w.-])(/wor[k]/|/tmp/h[-]|/tmp/brie[f])`)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if machine.Match(line) {
				t.Errorf("%s:%d: speaks of a path of one machine: %s", name, i+1, line)
			}
		}
	}
}
