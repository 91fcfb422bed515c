// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// event is a call that was done, or a note.
type event struct {
	Call
	note   string
	offset int64  // of a write
	data   []byte // of a write
	size   int64  // of a file that was truncated
}

// sector is what a disk writes as a whole, in bytes.
const sector = 512

// Survivor decides what becomes of the changes that were not synced. Lives gets the number of a
// change's call and whether it is of a file's content or of a directory's, and returns how much of
// it survives: all (1), nothing (0), or of content a part that ends with a sector.
type Survivor struct {
	Name  string
	Lives func(n int, content bool) float64
}

// Survivors are the kinds of power cut after k calls.
func Survivors(k int, random *rand.Rand) []Survivor {
	one := map[bool]float64{true: 1}
	before := random.IntN(k + 1)
	return []Survivor{
		{"nothing", func(int, bool) float64 { return 0 }},
		{"everything", func(int, bool) float64 { return 1 }},
		{"names", func(_ int, content bool) float64 { return one[!content] }},
		{"contents", func(_ int, content bool) float64 { return one[content] }},
		{"what was first", func(n int, _ bool) float64 { return one[n < before] }},
		{"at random", func(int, bool) float64 { return []float64{0, 1, random.Float64()}[random.IntN(3)] }},
	}
}

// Len is how many calls and notes were recorded.
func (l *Layer) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

// Calls returns the first k calls that were recorded, without the notes.
func (l *Layer) Calls(k int) []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	var calls []Call
	for _, e := range l.events[:k] {
		if e.Op != "" {
			calls = append(calls, e.Call)
		}
	}
	return calls
}

// Notes returns the notes among the first k calls and notes that were recorded.
func (l *Layer) Notes(k int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var notes []string
	for _, e := range l.events[:k] {
		if e.Op == "" {
			notes = append(notes, e.note)
		}
	}
	return notes
}

// Cut makes in an empty directory what the disk may hold when the power fails after the first k
// calls and notes. What was written to a file is there when the file was synced after it. A name
// that was made, changed or removed is, when its directory was synced after it; a rename between
// two directories when both were. Survivor decides about all else. Renames are never half done.
func (l *Layer) Cut(k int, dir string, survivor Survivor) error {
	left, err := l.state(k, survivor)
	if err != nil {
		return err
	}
	return left.write(dir)
}

func (l *Layer) state(k int, survivor Survivor) (*tree, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	present, left := l.first.clone(), l.first.clone()
	var changes []*change
	for n, e := range l.events[:k] {
		if e.Op == "" {
			continue
		}
		if e.Op == Sync {
			if number, ok := present.find(l.relative(e.Path)); ok {
				for _, c := range changes {
					c.unsynced = slices.DeleteFunc(c.unsynced, func(needs int) bool { return needs == number })
				}
			}
			continue
		}
		c, err := l.change(present, e)
		if err != nil {
			return nil, fmt.Errorf("call %d, %s: %w", n, e.Call, err)
		}
		c.n = n
		changes = append(changes, c)
		c.apply(present, 1)
		for len(left.nodes) < len(present.nodes) {
			own := *present.nodes[len(left.nodes)]
			own.data = slices.Clone(own.fresh())
			if own.entries != nil {
				own.entries = map[string]int{}
			}
			left.add(&own)
		}
	}
	for _, c := range changes {
		part := 1.0
		if len(c.unsynced) > 0 {
			part = survivor.Lives(c.n, c.content)
		}
		c.apply(left, part)
	}
	return left, nil
}

// fresh is the content that a node has when it is made: a link's target is made with it.
func (n *node) fresh() []byte {
	if n.mode&fs.ModeSymlink != 0 {
		return n.data
	}
	return nil
}

// change is an event in terms of nodes.
type change struct {
	n        int
	content  bool
	unsynced []int // the nodes that have to be synced for it
	apply    func(t *tree, part float64)
}

func (l *Layer) relative(path string) string { return strings.TrimPrefix(path, l.root) }

// change translates an event that happens to a tree. A new node is added to it.
func (l *Layer) change(t *tree, e event) (*change, error) {
	path := l.relative(e.Path)
	at, found := t.find(path)
	parent, ok := t.find(filepath.Dir(path))
	if !ok && e.Op != Link {
		return nil, fmt.Errorf("there is no directory %s", filepath.Dir(path))
	}
	name := filepath.Base(path)
	if !found && e.Op == Remove {
		return &change{apply: func(*tree, float64) {}}, nil // a socket: those that bind makes are not recorded
	}
	if !found && (e.Op == Write || e.Op == Truncate || e.Op == Rename) {
		return nil, fmt.Errorf("there is no %s", path)
	}
	switch e.Op {
	case Create:
		return setEntry(parent, name, t.add(&node{mode: 0o600})), nil
	case Mkdir:
		return setEntry(parent, name, t.add(&node{mode: fs.ModeDir | 0o700, entries: map[string]int{}})), nil
	case Write:
		return written(at, e), nil
	case Truncate:
		return &change{content: true, unsynced: []int{at}, apply: func(t *tree, part float64) {
			if part > 0 {
				t.nodes[at].data = resize(t.nodes[at].data, e.size)
			}
		}}, nil
	case Remove:
		return &change{unsynced: []int{parent}, apply: func(t *tree, part float64) {
			if part > 0 && t.nodes[parent].entries[name] == at {
				delete(t.nodes[parent].entries, name)
			}
		}}, nil
	}
	to := l.relative(e.To)
	other, ok := t.find(filepath.Dir(to))
	if !ok {
		return nil, fmt.Errorf("there is no directory %s", filepath.Dir(to))
	}
	if e.Op == Rename {
		return renamed(parent, name, other, filepath.Base(to), at), nil
	}
	if !found {
		at = t.add(&node{mode: fs.ModeSymlink | 0o777, data: []byte(e.Path)})
	}
	return setEntry(other, filepath.Base(to), at), nil
}

func setEntry(dir int, name string, number int) *change {
	return &change{unsynced: []int{dir}, apply: func(t *tree, part float64) {
		if part > 0 {
			t.nodes[dir].entries[name] = number
		}
	}}
}

func renamed(from int, name string, to int, as string, number int) *change {
	return &change{unsynced: []int{from, to}, apply: func(t *tree, part float64) {
		if part == 0 {
			return
		}
		if t.nodes[from].entries[name] == number {
			delete(t.nodes[from].entries, name)
		}
		t.nodes[to].entries[as] = number
	}}
}

func written(number int, e event) *change {
	return &change{content: true, unsynced: []int{number}, apply: func(t *tree, part float64) {
		length := int64(len(e.data))
		if part < 1 {
			length = int64(part*float64(len(e.data))) / sector * sector
		}
		if length == 0 {
			return
		}
		n := t.nodes[number]
		n.data = resize(n.data, max(int64(len(n.data)), e.offset+length))
		copy(n.data[e.offset:], e.data[:length])
	}}
}
