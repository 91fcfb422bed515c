// SPDX-License-Identifier: Apache-2.0

package faultdisk

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Op is an operation on a file.
type Op string

// The operations that change a file, and reads.
const (
	Write    Op = "write"
	Sync     Op = "sync"
	Truncate Op = "truncate"
	Read     Op = "read"
)

// Fault is how an operation goes.
type Fault int

const (
	// Fine operations are done.
	Fine Fault = iota
	// NoSpace is a full disk.
	NoSpace
	// InputOutput is an error of the disk. A quota that is used up looks the same to SQLite.
	InputOutput
	// Torn does half of a write and then fails.
	Torn
	// Nothing is done, and a success reported.
	Nothing
)

// Faults are all but Fine.
var Faults = map[string]Fault{"no space": NoSpace, "I/O error": InputOutput, "torn": Torn, "nothing done": Nothing}

// Disk is one faulty disk. Its method Fail may be called at any time, from any goroutine.
type Disk struct {
	name string

	mu    sync.Mutex
	files map[string]*content
	count int
	fail  func(n int, op Op, file string) Fault
}

// content of a file as far as a power cut is concerned.
type content struct {
	synced  []byte
	pending []change
}

// change that was not synced: bytes at an offset, or a new size.
type change struct {
	offset int64
	data   []byte
	size   int64
}

// Fail sets what decides how the n-th operation from now on goes, counted from 1; nil means all are
// fine.
func (d *Disk) Fail(decide func(n int, op Op, file string) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count, d.fail = 0, decide
}

// Count returns how many operations there were since the last call of Fail.
func (d *Disk) Count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// decide counts an operation. Read-only files and SQLite's shared memory are not among them.
func (d *Disk) decide(op Op, file string) Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	if d.fail == nil {
		return Fine
	}
	return d.fail(d.count, op, file)
}

// opened notes a file; what it holds then is taken for synced.
func (d *Disk) opened(file string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[file] != nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	d.files[file] = &content{synced: data}
	return nil
}

func (d *Disk) deleted(file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, file)
}

func (d *Disk) changed(file string, c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[file]; f != nil {
		f.pending = append(f.pending, c)
	}
}

func (d *Disk) synced(file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[file]
	if f == nil {
		return
	}
	for _, c := range f.pending {
		f.synced = c.apply(f.synced)
	}
	f.pending = nil
}

func (c change) apply(to []byte) []byte {
	if c.data == nil {
		return resize(to, c.size)
	}
	to = resize(to, max(int64(len(to)), c.offset+int64(len(c.data))))
	copy(to[c.offset:], c.data)
	return to
}

func resize(data []byte, size int64) []byte {
	if int64(len(data)) >= size {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

// Cut writes into a directory what a disk may hold after a power cut at this moment: all that was
// synced, and of every change since then all, nothing, or the first half, in no particular order.
func (d *Disk) Cut(dir string, random *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, f := range d.files {
		if strings.HasSuffix(name, "-journal") {
			continue // there is none with a write-ahead log
		}
		data := append([]byte(nil), f.synced...)
		for _, i := range random.Perm(len(f.pending)) {
			c := f.pending[i]
			switch random.IntN(3) {
			case 0:
				continue
			case 1:
				c.data = c.data[:len(c.data)/2]
			}
			if c.data != nil {
				data = c.apply(data)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o600); err != nil {
			return fmt.Errorf("cutting the power: %w", err)
		}
	}
	return nil
}
