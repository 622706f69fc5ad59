package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"ftpdoctor/internal/finding"
	"ftpdoctor/internal/machine"
)

// may is what the mode of a file lets an account do.
type may struct{ read, write, enter bool }

// allows applies the mode bits as the kernel does: the first class that fits
// counts, and root may everything.
func allows(f machine.File, uid int, gids []int) may {
	if uid == 0 {
		return may{true, true, true}
	}
	bits := f.Mode.Perm()
	switch {
	case f.UID == uid:
		bits >>= 6
	case slices.Contains(gids, f.GID):
		bits >>= 3
	}
	return may{bits&4 != 0, bits&2 != 0, bits&1 != 0}
}

// describe is a file's mode and owner in one line.
func describe(f machine.File) string {
	owner, group := f.User, f.Group
	if owner == "" {
		owner = itoa(f.UID)
	}
	if group == "" {
		group = itoa(f.GID)
	}
	return fmt.Sprintf("%s %s:%s %s", f.Mode, owner, group, f.Path)
}

// ancestors are the directories from the root to a path, the path itself last.
func ancestors(name string) []string {
	all := []string{"/"}
	for i := 1; i <= len(name); i++ {
		if i == len(name) || name[i] == '/' {
			if p := path.Clean(name[:i]); p != "/" && p != all[len(all)-1] {
				all = append(all, p)
			}
		}
	}
	return all
}

// root is the directory into which the server puts the user.
func (e *entrance) root() string {
	if e.s.Kind == "vsftpd" {
		if v := e.s.settings.get("local_root"); v.Text != "" {
			root := v.Text
			if token := e.s.settings.get("user_sub_token"); token.Text != "" {
				root = strings.ReplaceAll(root, token.Text, e.user)
			}
			return root
		}
	}
	if e.s.Kind == "openssh" {
		if dir := e.chrootDirectory(); dir != "" {
			return dir
		}
	}
	return e.acct.Home
}

// home checks that the home can be entered, and the rules of a chroot.
func (e *entrance) home() {
	root := e.root()
	if !strings.HasPrefix(root, "/") {
		return
	}
	if e.s.Kind == "openssh" && e.chrootDirectory() != "" {
		e.sshChroot(root)
		return
	}
	works := e.q.Login == Works
	for _, dir := range ancestors(root) {
		f, err := e.stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			if works || e.s.Family == SSH {
				return // sshd goes to / instead
			}
			e.refuse(finding.New(finding.AuthHomeMissing, finding.Confirmed)).With("path", root).
				SawAt("the home directory of the account", root, e.acct.Source).
				SawAt("the directory is not there", dir, dir)
			return
		}
		if err != nil {
			return
		}
		if !f.Mode.IsDir() && f.Mode&fs.ModeSymlink == 0 || f.Mode.IsDir() && !allows(f, e.acct.UID, e.acct.gids).enter && !e.acl(dir, "x") {
			if works || e.s.Family == SSH {
				return
			}
			e.refuse(finding.New(finding.AuthHomeMissing, finding.Confirmed)).With("path", root).
				SawAt("the home directory of the account", root, e.acct.Source).
				SawAt("the account can't enter this directory", describe(f), dir)
			return
		}
	}
	if e.s.Kind == "vsftpd" && !works {
		e.writableRoot(root)
	}
}

// acl tells whether an access list gives the account what the mode does not.
func (e *entrance) acl(dir, want string) bool {
	r := e.run("getfacl", "-c", "-p", dir)
	return r.ok() && aclAllows(r.out, e.acct.Name, e.acct.Groups, want)
}

// aclAllows reads getfacl: entries of named users and groups, cut by the mask.
func aclAllows(out, user string, groups []string, want string) bool {
	mask, found := "rwx", false
	for line := range strings.Lines(out) {
		entry, effective, _ := strings.Cut(strings.TrimSpace(line), "\t#effective:")
		f := strings.Split(strings.TrimSpace(entry), ":")
		if len(f) != 3 || strings.HasPrefix(entry, "default:") || strings.HasPrefix(entry, "#") {
			continue
		}
		rights := f[2]
		if effective != "" {
			rights = strings.TrimSpace(effective)
		}
		switch {
		case f[0] == "mask":
			mask = f[2]
		case f[0] == "user" && f[1] == user, f[0] == "group" && f[1] != "" && slices.Contains(groups, f[1]):
			found = found || containsAll(rights, want)
		}
	}
	return found && containsAll(mask, want)
}

func containsAll(rights, want string) bool {
	for _, c := range want {
		if !strings.ContainsRune(rights, c) {
			return false
		}
	}
	return true
}

// writableRoot: vsftpd refuses a chroot whose root the user may write to.
func (e *entrance) writableRoot(root string) {
	get := e.s.settings.get
	chroot := get("chroot_local_user")
	jailed := chroot.yes()
	if list := get("chroot_list_enable"); list.yes() {
		file := get("chroot_list_file").or("/etc/vsftpd.chroot_list")
		if parseList(e.text(file))[e.user] > 0 {
			jailed = !jailed
			chroot = value{file, file}
		}
	}
	if !jailed || get("allow_writeable_chroot").yes() || get("passwd_chroot_enable").yes() {
		return
	}
	f, err := e.stat(root)
	if err != nil || !allows(f, e.acct.UID, e.acct.gids).write {
		return
	}
	e.refuse(finding.New(finding.AuthChrootWritable, finding.Confirmed)).With("path", root).With("file", chroot.Place).
		SawAt("the account is locked into its directory", chroot.Text, chroot.Place).
		SawAt("the account may write to that directory", describe(f), root)
}

// chrootDirectory is sshd's for this user; empty: none.
func (e *entrance) chrootDirectory() string {
	dir := strings.Join(e.sshd["chrootdirectory"], " ")
	if dir == "" || dir == "none" {
		return ""
	}
	return e.expand(dir)
}

// expand fills in sshd's tokens.
func (e *entrance) expand(s string) string {
	return strings.NewReplacer("%%", "%", "%h", e.acct.Home, "%u", e.user, "%U", itoa(e.acct.UID)).Replace(s)
}

// sshChroot: every directory up to the root must belong to root and be
// writable for nobody else (sshd_config(5), ChrootDirectory).
func (e *entrance) sshChroot(root string) {
	if e.q.Data == Works || e.q.Transfer == Works {
		return
	}
	state := func(what, detail, place string) {
		e.refuse(finding.New(finding.SSHChrootOwnership, finding.Confirmed)).With("path", place).
			SawAt("sshd locks the account into a directory", "ChrootDirectory "+root, "sshd -T").
			SawAt(what, detail, place)
	}
	for _, dir := range ancestors(root) {
		f, err := e.stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			state("the directory is not there", dir, dir)
			return
		}
		if err != nil {
			return
		}
		if f.UID != 0 || f.Mode.Perm()&0o022 != 0 {
			state("it belongs to somebody else than root, or others may write to it", describe(f), dir)
			return
		}
	}
}

// keys: sshd passes over authorized_keys that others could change (StrictModes).
func (e *entrance) keys() {
	if e.s.Kind != "openssh" || e.sshd == nil || slices.Equal(e.sshd["strictmodes"], []string{"no"}) || e.q.Password && !e.q.Key {
		return
	}
	for _, pattern := range e.sshd["authorizedkeysfile"] {
		file := e.expand(pattern)
		if !strings.HasPrefix(file, "/") {
			file = path.Join(e.acct.Home, file)
		}
		if !e.exists(file) {
			continue
		}
		// From the file up to the home; outside of the home up to the root.
		for dir := file; ; dir = path.Dir(dir) {
			f, err := e.stat(dir)
			if err != nil {
				break
			}
			if f.UID != 0 && f.UID != e.acct.UID || f.Mode.Perm()&0o022 != 0 && f.Mode&fs.ModeSymlink == 0 {
				x := finding.New(finding.SSHAuthorizedKeysUnsafe, finding.Confirmed).With("file", file).With("path", dir)
				if e.q.Login != Fails {
					x.As(finding.Warning)
				}
				e.refuse(x).SawAt("the keys of the account", file, "sshd -T").
					SawAt("it belongs to somebody else, or others may write to it", describe(f), dir)
				return
			}
			if dir == path.Clean(e.acct.Home) || dir == "/" {
				break
			}
		}
	}
}

// upload: may the account write where the user wants to, and is there room for it.
func (e *entrance) upload() {
	if !e.q.Upload || e.q.Transfer == Works {
		return
	}
	dir := e.root()
	if e.q.Path != "" {
		dir = e.place(e.q.Path)
	}
	f, err := e.stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		e.findAt(finding.New(finding.FileNotFound, finding.Confirmed).About(dir), e.s.port()).With("path", dir).
			SawAt("the directory is not there", dir, dir)
		return
	}
	if err != nil {
		return
	}
	if m, ok := mountOf(parseMounts(e.text("/proc/mounts")), dir); ok && m.ReadOnly {
		e.findAt(finding.New(finding.FileReadOnly, finding.Confirmed).About(dir), e.s.port()).With("path", dir).
			SawAt("the file system is mounted read-only", m.Device+" "+m.Point+" "+m.Kind, "/proc/mounts")
		return
	}
	if a := allows(f, e.acct.UID, e.acct.gids); (!a.write || !a.enter) && !e.acl(dir, "wx") {
		e.findAt(finding.New(finding.FilePermissionDenied, finding.Confirmed).About(dir), e.s.port()).With("path", dir).
			SawAt("the account may not write into the directory", describe(f), dir).
			SawAt("the account and its groups", fmt.Sprintf("uid %d, groups %s", e.acct.UID, strings.Join(e.acct.Groups, " ")), e.acct.Source)
		return
	}
	for _, q := range parseQuota(e.run("quota", "-w", "-p", "-u", e.user).out) {
		if q.BlocksHard > 0 && q.Blocks >= q.BlocksHard || q.FilesHard > 0 && q.Files >= q.FilesHard {
			e.findAt(finding.New(finding.FileQuotaExceeded, finding.Confirmed).About(e.user), e.s.port()).
				With("limit", fmt.Sprintf("%d KiB", q.BlocksHard)).With("path", q.Where).
				SawAt("what the account has used of its allotment", fmt.Sprintf("%d / %d KiB, %d / %d inodes", q.Blocks, q.BlocksHard, q.Files, q.FilesHard), "quota -u "+e.user)
			return
		}
	}
}

// place turns a path as the user sees it into one of the machine: below the
// directory in which the user begins, else of the machine itself.
func (e *entrance) place(seen string) string {
	below := path.Join(e.root(), path.Clean("/"+seen))
	if !e.exists(below) && strings.HasPrefix(seen, "/") && e.exists(seen) {
		return path.Clean(seen)
	}
	return below
}
