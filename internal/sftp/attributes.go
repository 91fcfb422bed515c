// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"io/fs"
	"os"
	"time"
)

// Flags of attributes (section 5 of the draft): which of them a packet has.
const (
	hasSize     = 1
	hasOwner    = 2
	hasMode     = 4
	hasTimes    = 8
	hasExtended = 0x80000000
)

// Bits of a mode beside the permissions, as Linux has them (inode(7)).
const (
	modeType   = 0o170000
	modeSocket = 0o140000
	modeLink   = 0o120000
	modeFile   = 0o100000
	modeBlock  = 0o060000
	modeDir    = 0o040000
	modeChar   = 0o020000
	modeFIFO   = 0o010000
	modeSetuid = 0o4000
	modeSetgid = 0o2000
	modeSticky = 0o1000
)

// unchanged is the id in a request that changes only the other one, as chown(2) has it.
const unchanged = ^uint32(0)

// attributes of a file. The flags say which of them are given.
type attributes struct {
	flags        uint32
	size         uint64
	uid, gid     uint32
	mode         uint32
	atime, mtime uint32 // seconds since 1970
}

func (d *decoder) attributes() attributes {
	a := attributes{flags: d.uint32()}
	if a.flags&hasSize != 0 {
		a.size = d.uint64()
	}
	if a.flags&hasOwner != 0 {
		a.uid, a.gid = d.uint32(), d.uint32()
	}
	if a.flags&hasMode != 0 {
		a.mode = d.uint32()
	}
	if a.flags&hasTimes != 0 {
		a.atime, a.mtime = d.uint32(), d.uint32()
	}
	if a.flags&hasExtended != 0 {
		for n := d.uint32(); n > 0 && d.err == nil; n-- {
			d.data()
			d.data()
		}
	}
	return a
}

func (e *encoder) attributes(a attributes) {
	e.uint32(a.flags)
	if a.flags&hasSize != 0 {
		e.uint64(a.size)
	}
	if a.flags&hasOwner != 0 {
		e.uint32(a.uid)
		e.uint32(a.gid)
	}
	if a.flags&hasMode != 0 {
		e.uint32(a.mode)
	}
	if a.flags&hasTimes != 0 {
		e.uint32(a.atime)
		e.uint32(a.mtime)
	}
}

// describe returns the attributes of a file as the guest sees them.
func (s *server) describe(info fs.FileInfo) attributes {
	seconds := clampTime(info.ModTime())
	a := attributes{
		flags: hasSize | hasMode | hasTimes, size: uint64(max(info.Size(), 0)), mode: linuxMode(info.Mode()), atime: seconds, mtime: seconds,
	}
	fromHost(info, &a)
	a.uid, a.gid = s.UID.toGuest(a.uid), s.GID.toGuest(a.gid)
	return a
}

// clampTime makes seconds of a time; the protocol ends in 2106.
func clampTime(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), int64(^uint32(0)))) }

// linuxMode makes a mode of Linux of Go's.
func linuxMode(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	switch m.Type() {
	case 0:
		bits |= modeFile
	case fs.ModeDir:
		bits |= modeDir
	case fs.ModeSymlink:
		bits |= modeLink
	case fs.ModeSocket:
		bits |= modeSocket
	case fs.ModeNamedPipe:
		bits |= modeFIFO
	case fs.ModeDevice:
		bits |= modeBlock
	default:
		bits |= modeChar
	}
	for goBit, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: modeSetuid, fs.ModeSetgid: modeSetgid, fs.ModeSticky: modeSticky} {
		if m&goBit != 0 {
			bits |= bit
		}
	}
	return bits
}

// goMode makes permissions as os.Chmod takes them of a mode of Linux.
func goMode(bits uint32) fs.FileMode {
	m := fs.FileMode(bits) & fs.ModePerm
	for bit, goBit := range map[uint32]fs.FileMode{modeSetuid: fs.ModeSetuid, modeSetgid: fs.ModeSetgid, modeSticky: fs.ModeSticky} {
		if bits&bit != 0 {
			m |= goBit
		}
	}
	return m
}

// target is a file whose attributes are changed.
type target interface {
	truncate(size int64) error
	chown(uid, gid int) error
	chmod(mode fs.FileMode) error
	chtimes(atime, mtime time.Time) error
}

// change changes the attributes that are given. The owner comes before the mode: chown(2) takes
// setuid bits away.
func (s *server) change(t target, a attributes) error {
	if a.flags&hasSize != 0 {
		if err := t.truncate(int64(a.size)); err != nil {
			return err
		}
	}
	if a.flags&hasOwner != 0 {
		if err := t.chown(s.UID.toHost(a.uid), s.GID.toHost(a.gid)); err != nil {
			return err
		}
	}
	if a.flags&hasMode != 0 {
		if err := t.chmod(goMode(a.mode)); err != nil {
			return err
		}
	}
	if a.flags&hasTimes != 0 {
		return t.chtimes(time.Unix(int64(a.atime), 0), time.Unix(int64(a.mtime), 0))
	}
	return nil
}

// opened is an open file as a target, which may have been removed or have lost its name.
type opened struct{ file *os.File }

func (o opened) truncate(size int64) error            { return o.file.Truncate(size) }
func (o opened) chown(uid, gid int) error             { return o.file.Chown(uid, gid) }
func (o opened) chmod(mode fs.FileMode) error         { return o.file.Chmod(mode) }
func (o opened) chtimes(atime, mtime time.Time) error { return setTimes(o.file, atime, mtime) }

// named is a file below root as a target. A symbolic link is changed itself.
type named struct {
	root *os.Root
	name string
}

func (n named) truncate(size int64) error {
	f, err := openRegular(n.root, n.name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return closing(f, f.Truncate(size))
}

func (n named) chown(uid, gid int) error { return n.root.Lchown(n.name, uid, gid) }

// chmod does nothing to a symbolic link, whose mode Linux does not use.
func (n named) chmod(mode fs.FileMode) error {
	if link, err := n.isLink(); link || err != nil {
		return err
	}
	return n.root.Chmod(n.name, mode)
}

func (n named) chtimes(atime, mtime time.Time) error {
	link, err := n.isLink()
	if err != nil {
		return err
	}
	if link {
		return setLinkTimes(n.root, n.name, atime, mtime)
	}
	return n.root.Chtimes(n.name, atime, mtime)
}

func (n named) isLink() (bool, error) {
	info, err := n.root.Lstat(n.name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0, err
}
