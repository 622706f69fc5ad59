package sshwire

import (
	"errors"
	"io/fs"
	"time"
)

// Attrs are the attributes of a file, as far as the server tells (draft §5).
type Attrs struct {
	HasSize     bool
	Size        uint64
	HasOwner    bool
	UID, GID    uint32
	HasMode     bool
	Permissions uint32 // with the type of the file, as in st_mode
	HasTimes    bool
	Modified    time.Time
}

// Mode is the mode as Go has it; zero where the server does not tell.
func (a Attrs) Mode() fs.FileMode {
	m := fs.FileMode(a.Permissions & 0o777)
	switch a.Permissions & 0o170000 {
	case 0o040000:
		m |= fs.ModeDir
	case 0o120000:
		m |= fs.ModeSymlink
	case 0o010000:
		m |= fs.ModeNamedPipe
	case 0o140000:
		m |= fs.ModeSocket
	case 0o020000, 0o060000:
		m |= fs.ModeDevice
	}
	return m
}

// IsDir tells whether it is a directory; false also where the server does not tell.
func (a Attrs) IsDir() bool { return a.HasMode && a.Permissions&0o170000 == 0o040000 }

func (p *packet) attrs() (a Attrs, ok bool) {
	flags, ok := p.uint32()
	if !ok {
		return a, false
	}
	good := true
	next := func() uint32 {
		v, ok := p.uint32()
		good = good && ok
		return v
	}
	if a.HasSize = flags&1 != 0; a.HasSize {
		a.Size, ok = p.uint64()
		good = good && ok
	}
	if a.HasOwner = flags&2 != 0; a.HasOwner {
		a.UID, a.GID = next(), next()
	}
	if a.HasMode = flags&4 != 0; a.HasMode {
		a.Permissions = next()
	}
	if a.HasTimes = flags&8 != 0; a.HasTimes {
		next()
		a.Modified = time.Unix(int64(next()), 0).UTC()
	}
	if flags&(1<<31) != 0 {
		for range next() {
			if _, ok := p.string(); !ok {
				return a, false
			}
			if _, ok := p.string(); !ok {
				return a, false
			}
		}
	}
	return a, good
}

// Entry is a line of a listing.
type Entry struct {
	Name  []byte // foreign bytes, mostly UTF-8
	Long  []byte // as ls -l, which tells the owner's name
	Attrs Attrs
}

func (p *packet) names() ([]Entry, error) {
	n, ok := p.uint32()
	if !ok || uint64(n) > uint64(len(p.b))/12 { // two strings and flags
		return nil, ErrBadPacket
	}
	entries := make([]Entry, 0, n)
	for range n {
		var e Entry
		var ok1, ok2, ok3 bool
		e.Name, ok1 = p.string()
		e.Long, ok2 = p.string()
		e.Attrs, ok3 = p.attrs()
		if !ok1 || !ok2 || !ok3 {
			return entries, ErrBadPacket
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// RealPath makes a path absolute and canonical; "." is where the login leads.
func (c *SFTP) RealPath(path string) (string, error) {
	p, err := c.ask(fxpName, fxpRealpath, path)
	if err != nil {
		return "", err
	}
	names, err := p.names()
	if err != nil || len(names) == 0 {
		return "", ErrBadPacket
	}
	return string(names[0].Name), nil
}

// Stat follows symbolic links.
func (c *SFTP) Stat(path string) (Attrs, error) { return c.stat(fxpStat, path) }

// Lstat does not follow them.
func (c *SFTP) Lstat(path string) (Attrs, error) { return c.stat(fxpLstat, path) }

func (c *SFTP) stat(kind byte, path string) (Attrs, error) {
	p, err := c.ask(fxpAttrs, kind, path)
	if err != nil {
		return Attrs{}, err
	}
	a, ok := p.attrs()
	if !ok {
		return a, ErrBadPacket
	}
	return a, nil
}

// maxAnswers bounds the answers of one listing, since an answer may be empty.
const maxAnswers = 2000

// List reads a directory, at most limit entries; more tells whether there are
// further ones. "." and ".." are left out.
func (c *SFTP) List(path string, limit int) (entries []Entry, more bool, err error) {
	p, err := c.ask(fxpHandle, fxpOpendir, path)
	if err != nil {
		return nil, false, err
	}
	handle, ok := p.string()
	if !ok {
		return nil, false, ErrBadPacket
	}
	for range maxAnswers {
		p, err = c.ask(fxpName, fxpReaddir, handle)
		if err != nil {
			break
		}
		var names []Entry
		if names, err = p.names(); err != nil {
			return entries, false, err
		}
		for _, e := range names {
			if string(e.Name) != "." && string(e.Name) != ".." {
				entries = append(entries, e)
			}
		}
		if len(entries) > limit {
			entries, more = entries[:limit], true
			break
		}
	}
	var end *StatusError
	if errors.As(err, &end) && end.Code == StatusEOF {
		err = nil
	} else if err == nil {
		more = true
	} else if !errors.As(err, &end) {
		return entries, false, err
	}
	if closed := c.Close(handle); err == nil {
		err = closed
	}
	return entries, more, err
}

// Flags of Open (draft §6.3).
const (
	OpenRead   = 1
	OpenWrite  = 2
	OpenCreate = 8
	OpenNew    = 32 // fails where the file is there
)

// Open opens a file and returns its handle. A file that it makes gets the
// server's own permissions.
func (c *SFTP) Open(path string, flags uint32) ([]byte, error) {
	p, err := c.ask(fxpHandle, fxpOpen, path, flags, uint32(0))
	if err != nil {
		return nil, err
	}
	handle, ok := p.string()
	if !ok {
		return nil, ErrBadPacket
	}
	return handle, nil
}

// Close closes a handle. Some servers tell only here that the disk is full.
func (c *SFTP) Close(handle []byte) error {
	_, err := c.ask(fxpStatus, fxpClose, handle)
	return err
}

// Remove deletes a file.
func (c *SFTP) Remove(path string) error {
	_, err := c.ask(fxpStatus, fxpRemove, path)
	return err
}

// Volume is the file system below a path (statvfs@openssh.com, statvfs(3)).
type Volume struct {
	Size, Free, Available  uint64 // bytes; Available is what is left to users
	Files, FreeFiles       uint64 // inodes
	ReadOnly               bool
	NameMax, FragmentBytes uint64
}

// Volume asks for the file system below a path; servers without the extension
// answer StatusUnsupported.
func (c *SFTP) Volume(path string) (Volume, error) {
	p, err := c.ask(fxpReply, fxpExtended, "statvfs@openssh.com", path)
	if err != nil {
		return Volume{}, err
	}
	var f [11]uint64 // bsize frsize blocks bfree bavail files ffree favail fsid flag namemax
	for i := range f {
		var ok bool
		if f[i], ok = p.uint64(); !ok {
			return Volume{}, ErrBadPacket
		}
	}
	return Volume{
		Size: f[1] * f[2], Free: f[1] * f[3], Available: f[1] * f[4], Files: f[5], FreeFiles: f[7],
		ReadOnly: f[9]&1 != 0, NameMax: f[10], FragmentBytes: f[1],
	}, nil
}

// Limits are those of limits@openssh.com; zero means that the server sets none.
type Limits struct{ Packet, Read, Write, Handles uint64 }

// Limits asks for the server's limits.
func (c *SFTP) Limits() (Limits, error) {
	p, err := c.ask(fxpReply, fxpExtended, "limits@openssh.com")
	if err != nil {
		return Limits{}, err
	}
	var l Limits
	for _, f := range []*uint64{&l.Packet, &l.Read, &l.Write, &l.Handles} {
		var ok bool
		if *f, ok = p.uint64(); !ok {
			return l, ErrBadPacket
		}
	}
	return l, nil
}
