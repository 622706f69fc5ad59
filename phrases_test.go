package ftpdoctor_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ftpdoctor/internal/finding"
)

// TestPhrasesTranslated finds every phrase in which the sources word their
// evidence and compares them with the Chinese catalogue. With -v it prints them
// all, ready to be pasted into phrases_zh.go.
func TestPhrasesTranslated(t *testing.T) {
	used := map[string]string{} // phrase to the place of one use
	for dir, places := range map[string]bool{"./internal/probe": false, "./internal/host": false, "./internal/audit": true, "./internal/transcript": false, "./internal/capture": false} {
		p := load(t, dir)
		p.places = places
		maps.Copy(used, p.phrases())
		for _, u := range p.unknown {
			t.Errorf("%s: not a fixed phrase; what varies belongs in the detail", u)
		}
	}
	if len(used) < 50 {
		t.Fatalf("found only %d phrases", len(used))
	}
	translated := finding.Phrases()
	var missing, stale []string
	var entries strings.Builder
	for _, phrase := range slices.Sorted(maps.Keys(used)) {
		zh := translated[phrase]
		fmt.Fprintf(&entries, "\n\t%q: %q, // %s", phrase, zh, used[phrase])
		if zh == "" {
			missing = append(missing, fmt.Sprintf("%q", phrase))
		}
	}
	t.Log(entries.String())
	for _, phrase := range slices.Sorted(maps.Keys(translated)) {
		if used[phrase] == "" {
			stale = append(stale, fmt.Sprintf("%q", phrase))
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d phrases have no translation in internal/finding/phrases_zh.go:\n\t%s", len(missing), len(used), strings.Join(missing, "\n\t"))
	}
	if len(stale) > 0 {
		t.Errorf("%d translations are of phrases that nobody uses:\n\t%s", len(stale), strings.Join(stale, "\n\t"))
	}
}

// program is one type-checked package and what can be known of its strings
// without running it.
type program struct {
	fset    *token.FileSet
	files   []*ast.File
	info    *types.Info
	bodies  map[types.Object]*ast.BlockStmt // of declarations, and of literals held by a variable
	params  map[types.Object]param
	calls   map[types.Object][]*ast.CallExpr
	writes  map[types.Object][]ast.Expr // what is assigned to a variable or field
	unknown []string
	places  bool // the sources of its evidence are places in files, which are no phrases
}

// param is a parameter: of which function, and which one.
type param struct {
	of types.Object
	i  int
}

// load type-checks a package, with the compiled export data of its imports.
func load(t *testing.T, dir string) *program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", dir, err)
	}
	type listed struct {
		ImportPath, Export, Dir string
		GoFiles                 []string
	}
	exports := map[string]string{}
	var last listed // the package itself comes after what it needs
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[l.ImportPath], last = l.Export, l
	}
	p := &program{
		fset: token.NewFileSet(), info: &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{},
		},
		bodies: map[types.Object]*ast.BlockStmt{},
		params: map[types.Object]param{}, calls: map[types.Object][]*ast.CallExpr{}, writes: map[types.Object][]ast.Expr{},
	}
	for _, name := range last.GoFiles {
		f, err := parser.ParseFile(p.fset, filepath.Join(last.Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.files = append(p.files, f)
	}
	conf := types.Config{Importer: importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	if _, err := conf.Check(last.ImportPath, p.fset, p.files, p.info); err != nil {
		t.Fatalf("type-checking %s: %v", dir, err)
	}
	for _, f := range p.files {
		ast.Inspect(f, p.index)
	}
	return p
}

// index notes functions, their parameters, and what is assigned to what.
func (p *program) index(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		p.function(p.info.Defs[n.Name], n.Type, n.Body)
	case *ast.CallExpr:
		if f := p.object(n.Fun); f != nil {
			p.calls[f] = append(p.calls[f], n)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if len(n.Rhs) == len(n.Lhs) {
				p.write(p.object(left), n.Rhs[i])
			} else {
				p.write(p.object(left), &ast.BadExpr{From: n.Pos(), To: n.End()}) // one of several results: not followed
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) {
				p.write(p.info.Defs[name], n.Values[i])
			}
		}
	case *ast.RangeStmt:
		if list, ok := ast.Unparen(n.X).(*ast.CompositeLit); ok && n.Value != nil {
			for _, e := range list.Elts {
				p.write(p.object(n.Value), e)
			}
		}
	case *ast.CompositeLit:
		s, ok := p.structOf(n)
		for i, e := range n.Elts {
			if kv, keyed := e.(*ast.KeyValueExpr); keyed && ok {
				p.write(p.object(kv.Key), kv.Value)
			} else if ok {
				p.write(s.Field(i), e)
			}
		}
	}
	return true
}

func (p *program) structOf(lit *ast.CompositeLit) (*types.Struct, bool) {
	t := p.info.TypeOf(lit).Underlying()
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem().Underlying()
	}
	s, ok := t.(*types.Struct)
	return s, ok
}

func (p *program) write(to types.Object, e ast.Expr) {
	if to == nil {
		return
	}
	if lit, ok := e.(*ast.FuncLit); ok {
		p.function(to, lit.Type, lit.Body)
	}
	p.writes[to] = append(p.writes[to], e)
}

func (p *program) function(o types.Object, t *ast.FuncType, body *ast.BlockStmt) {
	p.bodies[o] = body
	i := 0
	for _, field := range t.Params.List {
		for _, name := range field.Names {
			p.params[p.info.Defs[name]] = param{o, i}
			i++
		}
	}
}

// object is what an identifier or a selector stands for.
func (p *program) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if o := p.info.Defs[e]; o != nil {
			return o
		}
		return origin(p.info.Uses[e])
	case *ast.SelectorExpr:
		return origin(p.info.Uses[e.Sel])
	}
	return nil
}

// origin undoes the instantiation of generic functions.
func origin(o types.Object) types.Object {
	if f, ok := o.(*types.Func); ok {
		return f.Origin()
	}
	return o
}

// phrases gives every phrase of the package and the place of one use.
func (p *program) phrases() map[string]string {
	w := &walk{program: p, found: map[string]string{}}
	for f, calls := range p.calls {
		for _, i := range phraseArgs(f) {
			for _, c := range calls {
				w.values(c.Args[i])
			}
		}
	}
	names := map[string]bool{} // of checks: "because" may name one
	for o, exprs := range p.writes {
		field, ok := o.(*types.Var)
		if !ok || !field.IsField() {
			continue
		}
		for _, e := range exprs {
			if p.places && field.Name() == "Source" {
				continue
			}
			switch of := filepath.Base(field.Pkg().Path()) + "." + field.Name(); of {
			case "finding.Because", "finding.Why", "finding.What", "finding.Source", "finding.Decide", "probe.asks", "probe.partial", "host.partial", "host.skipped":
				w.values(e)
			case "probe.applies":
				w.returned(e)
			case "finding.Name", "probe.name":
				if v := p.info.Types[e].Value; v != nil {
					names[constant.StringVal(v)] = true
				}
			}
		}
	}
	p.unknown = slices.Compact(slices.Sorted(slices.Values(w.unknown)))
	maps.DeleteFunc(w.found, func(phrase, _ string) bool {
		return phrase == "" || names[phrase] || strings.HasPrefix(phrase, "/") // a file is called the same in every language
	})
	return w.found
}

// phraseArgs tells which arguments of a function are phrases.
func phraseArgs(f types.Object) []int {
	if f.Pkg() == nil {
		return nil
	}
	switch filepath.Base(f.Pkg().Path()) + "." + f.Name() {
	case "finding.Saw":
		return []int{0, 2}
	case "finding.Or":
		return []int{1}
	case "finding.DecideBy", "finding.Say", "finding.SawAt", "probe.lacks", "host.lacks", "transcript.lacks", "capture.lack":
		return []int{0}
	}
	return nil
}

// walk follows expressions back to the constants that they can be.
type walk struct {
	*program
	found   map[string]string
	seen    map[ast.Expr]bool
	unknown []string
}

func (w *walk) place(n ast.Node) string {
	at := w.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", filepath.Base(at.Filename), at.Line)
}

func (w *walk) values(e ast.Expr) {
	if w.seen == nil {
		w.seen = map[ast.Expr]bool{}
	}
	if w.seen[e] {
		return
	}
	w.seen[e] = true
	if v := w.info.Types[e].Value; v != nil && v.Kind() == constant.String {
		w.found[constant.StringVal(v)] = w.place(e)
		return
	}
	switch o := w.object(e); e := ast.Unparen(e).(type) {
	case *ast.Ident, *ast.SelectorExpr:
		if par, ok := w.params[o]; ok {
			for _, c := range w.calls[par.of] {
				if par.i < len(c.Args) {
					w.values(c.Args[par.i])
				}
			}
			return
		}
		for _, from := range w.writes[o] {
			w.values(from)
		}
		if len(w.writes[o]) > 0 {
			return
		}
	case *ast.CallExpr:
		if body := w.bodies[w.object(e.Fun)]; body != nil {
			w.returns(body)
			return
		}
		if w.info.Types[e.Fun].IsType() && w.constants(e) { // string(x), where x is one of a type's constants
			return
		}
	}
	w.unknown = append(w.unknown, w.place(e)+": "+types.ExprString(e))
}

// constants takes all constants of the named type that is converted to string.
func (w *walk) constants(conversion *ast.CallExpr) bool {
	named, ok := w.info.TypeOf(conversion.Args[0]).(*types.Named)
	if !ok {
		return false
	}
	scope, any := named.Obj().Pkg().Scope(), false
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), named) {
			w.found[constant.StringVal(c.Val())] = w.place(conversion)
			any = true
		}
	}
	return any
}

// returned follows what a function value returns.
func (w *walk) returned(e ast.Expr) {
	switch e := ast.Unparen(e).(type) {
	case *ast.FuncLit:
		w.returns(e.Body)
	case *ast.CallExpr: // a function that makes the function
		for _, made := range results(w.bodies[w.object(e.Fun)]) {
			w.returned(made)
		}
	default:
		w.returns(w.bodies[w.object(e)])
	}
}

func (w *walk) returns(body *ast.BlockStmt) {
	for _, e := range results(body) {
		w.values(e)
	}
}

// results lists what the return statements of a function return, but not
// those of the functions within it.
func results(body *ast.BlockStmt) []ast.Expr {
	var out []ast.Expr
	if body == nil {
		return nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			out = append(out, n.Results...)
		}
		return true
	})
	return out
}
