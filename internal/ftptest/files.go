package ftptest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"ftpdoctor/internal/ftp"
)

// maxFile bounds a file, in bytes: uploads beyond it are answered 552.
const maxFile = 64 << 20

// node is a file or a folder.
type node struct {
	dir  bool
	data []byte
	mod  time.Time
}

// tree is the server's file tree, by absolute clean path. It is safe for
// concurrent use; the bytes of a node are never changed in place.
type tree struct {
	mu    sync.Mutex
	nodes map[string]node
}

// now is to the second, as file systems behind FTP keep it.
func now() time.Time { return time.Now().Truncate(time.Second) }

// newTree makes the tree of the healthy server.
func newTree(extra []extraFile) *tree {
	t := &tree{nodes: map[string]node{"/": {dir: true, mod: now()}}}
	mod := now().Add(-26 * time.Hour)
	t.nodes["/pub"] = node{dir: true, mod: mod}
	t.nodes["/upload"] = node{dir: true, mod: mod}
	for name, data := range map[string][]byte{
		"/hello.txt":   []byte("Hello.\n"),
		"/pub/中文.txt":  []byte("你好。\n"),
		"/pub/1M.bin":  filler(1 << 20),
		"/pub/two.txt": []byte("one\ntwo\n"),
	} {
		t.nodes[name] = node{data: data, mod: mod}
	}
	for _, f := range extra {
		name := path.Join("/", f.name)
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			t.nodes[dir] = node{dir: true, mod: mod}
		}
		t.nodes[name] = node{data: f.data, mod: mod}
	}
	return t
}

// filler makes content that repeats only after 251 bytes, so that a lost block
// shows.
func filler(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func (t *tree) get(name string) (node, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.nodes[name]
	return n, ok
}

// put stores a file. It reports false when the folder does not exist or a folder
// stands in the way.
func (t *tree) put(name string, data []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.nodes[path.Dir(name)].dir || t.nodes[name].dir {
		return false
	}
	t.nodes[name] = node{data: data, mod: now()}
	return true
}

func (t *tree) mkdir(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, exists := t.nodes[name]; exists || !t.nodes[path.Dir(name)].dir {
		return false
	}
	t.nodes[name] = node{dir: true, mod: now()}
	return true
}

// remove deletes a file, or an empty folder.
func (t *tree) remove(name string, dir bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.nodes[name]
	if !ok || n.dir != dir || name == "/" || len(t.below(name)) > 0 {
		return false
	}
	delete(t.nodes, name)
	return true
}

// rename moves a file, or a folder with what is in it.
func (t *tree) rename(from, to string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.nodes[from]
	if _, exists := t.nodes[to]; !ok || exists || from == "/" || !t.nodes[path.Dir(to)].dir || strings.HasPrefix(to, from+"/") {
		return false
	}
	for _, name := range t.below(from) {
		t.nodes[to+strings.TrimPrefix(name, from)] = t.nodes[name]
		delete(t.nodes, name)
	}
	t.nodes[to] = n
	delete(t.nodes, from)
	return true
}

// below lists the paths under a folder, at any depth. The caller holds mu.
func (t *tree) below(dir string) []string {
	var list []string
	prefix := strings.TrimSuffix(dir, "/") + "/"
	for name := range t.nodes {
		if name != dir && strings.HasPrefix(name, prefix) {
			list = append(list, name)
		}
	}
	return list
}

// entry is a node with its name inside its folder.
type entry struct {
	name string
	node
}

// list gives what a folder holds, or the file itself, sorted by name.
func (t *tree) list(name string) ([]entry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.nodes[name]
	if !ok {
		return nil, false
	}
	if !n.dir {
		return []entry{{path.Base(name), n}}, true
	}
	var list []entry
	for _, p := range t.below(name) {
		if path.Dir(p) == name {
			list = append(list, entry{path.Base(p), t.nodes[p]})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return list, true
}

// long is the line of LIST, as `ls -l` prints it.
func (e entry) long() string {
	mode, links := "-rw-r--r--", 1
	if e.dir {
		mode, links = "drwxr-xr-x", 2
	}
	when := e.mod.UTC().Format("Jan _2 15:04")
	if time.Since(e.mod) > 180*24*time.Hour {
		when = e.mod.UTC().Format("Jan _2  2006")
	}
	return fmt.Sprintf("%s %4d 1000     1000     %8d %s %s\r\n", mode, links, len(e.data), when, e.name)
}

// facts is the line of MLSD and MLST (RFC 3659 §7).
func (e entry) facts(writable bool) string {
	kind, perm := "file", "r"
	if e.dir {
		kind, perm = "dir", "el"
	}
	if writable && e.dir {
		perm = "cdeflmp"
	} else if writable {
		perm = "adfrw"
	}
	return fmt.Sprintf("type=%s;size=%d;modify=%s;perm=%s; %s", kind, len(e.data), ftp.FormatTime(e.mod), perm, e.name)
}
