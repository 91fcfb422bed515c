// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package faultdisk

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"
)

// The disks and open files that SQLite's callbacks know only by an address.
var (
	disks sync.Map // of *sqlite.Tsqlite3_vfs, to *Disk
	files sync.Map // of *sqlite.Tsqlite3_file, to *openFile
	taken atomic.Int64
	inner sync.Map // the methods that replace others, by the address of those
)

// openFile of a disk.
type openFile struct {
	disk    *Disk
	name    string
	methods *sqlite.Tsqlite3_io_methods // of the real file
}

// New makes a disk over the real one.
func New() (*Disk, error) {
	tls := libc.NewTLS()
	defer tls.Close()
	d := &Disk{name: fmt.Sprintf("faultdisk-%d", taken.Add(1)), files: map[string]*content{}}
	name, err := libc.CString(d.name)
	if err != nil {
		return nil, err
	}
	vfs := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite.Tsqlite3_vfs{})))
	own := at[sqlite.Tsqlite3_vfs](vfs)
	*own = *at[sqlite.Tsqlite3_vfs](sqlite.Xsqlite3_vfs_find(tls, 0))
	own.FpNext, own.FzName = 0, name
	own.FxOpen, own.FxDelete = address(vfsOpen), address(vfsDelete)
	disks.Store(vfs, d)
	if rc := sqlite.Xsqlite3_vfs_register(tls, vfs, 0); rc != sqlite.SQLITE_OK {
		return nil, fmt.Errorf("registering a VFS: result %d", rc)
	}
	return d, nil
}

// Name of the disk as SQLite's parameter vfs.
func (d *Disk) Name() string { return d.name }

// at is what an address of SQLite's memory points to.
func at[T any](address uintptr) *T { return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&address))) }

// address of a function, as transpiled C calls it. F must be a function that is declared, not a
// closure.
func address[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) }

// function at an address.
func function[F any](address uintptr) F {
	return *(*F)(unsafe.Pointer(&struct{ uintptr }{address}))
}

type (
	openFunc     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	deleteFunc   = func(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32
	closeFunc    = func(tls *libc.TLS, file uintptr) int32
	transferFunc = func(tls *libc.TLS, file, buffer uintptr, amount int32, offset sqlite.Tsqlite3_int64) int32
	truncateFunc = func(tls *libc.TLS, file uintptr, size sqlite.Tsqlite3_int64) int32
	syncFunc     = func(tls *libc.TLS, file uintptr, flags int32) int32
)

func vfsOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	real := at[sqlite.Tsqlite3_vfs](sqlite.Xsqlite3_vfs_find(tls, 0))
	rc := function[openFunc](real.FxOpen)(tls, vfs, name, file, flags, outFlags)
	if rc != sqlite.SQLITE_OK || name == 0 {
		return rc
	}
	found, _ := disks.Load(vfs)
	disk := found.(*Disk)
	f := at[sqlite.Tsqlite3_file](file)
	open := &openFile{disk: disk, name: libc.GoString(name), methods: at[sqlite.Tsqlite3_io_methods](f.FpMethods)}
	if disk.opened(open.name) != nil {
		function[closeFunc](open.methods.FxClose)(tls, file)
		return sqlite.SQLITE_CANTOPEN
	}
	files.Store(file, open)
	f.FpMethods = replaced(tls, f.FpMethods)
	return rc
}

// replaced are methods that call those at an address.
func replaced(tls *libc.TLS, methods uintptr) uintptr {
	if own, ok := inner.Load(methods); ok {
		return own.(uintptr)
	}
	made := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite.Tsqlite3_io_methods{})))
	own := at[sqlite.Tsqlite3_io_methods](made)
	*own = *at[sqlite.Tsqlite3_io_methods](methods)
	own.FxClose, own.FxRead, own.FxWrite = address(fileClose), address(fileRead), address(fileWrite)
	own.FxTruncate, own.FxSync = address(fileTruncate), address(fileSync)
	kept, _ := inner.LoadOrStore(methods, made)
	return kept.(uintptr)
}

func vfsDelete(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	real := at[sqlite.Tsqlite3_vfs](sqlite.Xsqlite3_vfs_find(tls, 0))
	rc := function[deleteFunc](real.FxDelete)(tls, vfs, name, syncDir)
	if found, ok := disks.Load(vfs); ok && rc == sqlite.SQLITE_OK {
		found.(*Disk).deleted(libc.GoString(name))
	}
	return rc
}

func opened(file uintptr) *openFile {
	found, _ := files.Load(file)
	return found.(*openFile)
}

func fileClose(tls *libc.TLS, file uintptr) int32 {
	f := opened(file)
	files.Delete(file)
	at[sqlite.Tsqlite3_file](file).FpMethods = address0(f.methods)
	return function[closeFunc](f.methods.FxClose)(tls, file)
}

func address0(methods *sqlite.Tsqlite3_io_methods) uintptr { return uintptr(unsafe.Pointer(methods)) }

func fileRead(tls *libc.TLS, file, buffer uintptr, amount int32, offset sqlite.Tsqlite3_int64) int32 {
	f := opened(file)
	if f.disk.decide(Read, f.name) != Fine {
		return sqlite.SQLITE_IOERR_READ
	}
	return function[transferFunc](f.methods.FxRead)(tls, file, buffer, amount, offset)
}

func fileWrite(tls *libc.TLS, file, buffer uintptr, amount int32, offset sqlite.Tsqlite3_int64) int32 {
	f := opened(file)
	fault := f.disk.decide(Write, f.name)
	switch fault {
	case NoSpace:
		return sqlite.SQLITE_FULL
	case InputOutput:
		return sqlite.SQLITE_IOERR_WRITE
	case Nothing:
		return sqlite.SQLITE_OK
	case Torn:
		amount /= 2
	}
	rc := function[transferFunc](f.methods.FxWrite)(tls, file, buffer, amount, offset)
	if rc == sqlite.SQLITE_OK {
		data := append([]byte(nil), unsafe.Slice(at[byte](buffer), amount)...)
		f.disk.changed(f.name, change{offset: offset, data: data})
	}
	if fault == Torn {
		return sqlite.SQLITE_IOERR_WRITE
	}
	return rc
}

func fileTruncate(tls *libc.TLS, file uintptr, size sqlite.Tsqlite3_int64) int32 {
	f := opened(file)
	switch f.disk.decide(Truncate, f.name) {
	case Fine:
	case Nothing:
		return sqlite.SQLITE_OK
	default:
		return sqlite.SQLITE_IOERR_TRUNCATE
	}
	rc := function[truncateFunc](f.methods.FxTruncate)(tls, file, size)
	if rc == sqlite.SQLITE_OK {
		f.disk.changed(f.name, change{size: size})
	}
	return rc
}

func fileSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := opened(file)
	switch f.disk.decide(Sync, f.name) {
	case Fine:
	case Nothing:
		return sqlite.SQLITE_OK
	default:
		return sqlite.SQLITE_IOERR_FSYNC
	}
	rc := function[syncFunc](f.methods.FxSync)(tls, file, flags)
	if rc == sqlite.SQLITE_OK {
		f.disk.synced(f.name)
	}
	return rc
}
