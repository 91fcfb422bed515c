// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// node is a file, a directory or a symbolic link.
type node struct {
	mode    fs.FileMode
	data    []byte         // of a file, or the target of a link
	entries map[string]int // of a directory
}

// tree is a directory with all that is in it. Nodes have numbers, so that one file can be followed
// through several trees; the root is number 0.
type tree struct{ nodes []*node }

// load reads a directory.
func load(root string) (*tree, error) {
	t := &tree{}
	numbers := map[string]int{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		n := &node{mode: info.Mode()}
		switch {
		case info.IsDir():
			n.entries = map[string]int{}
		case info.Mode().IsRegular():
			n.data, err = os.ReadFile(path)
		case info.Mode()&fs.ModeSymlink != 0:
			var target string
			target, err = os.Readlink(path)
			n.data = []byte(target)
		}
		numbers[path] = t.add(n)
		if path != root {
			t.nodes[numbers[filepath.Dir(path)]].entries[filepath.Base(path)] = numbers[path]
		}
		return err
	})
	return t, err
}

func (t *tree) add(n *node) int {
	t.nodes = append(t.nodes, n)
	return len(t.nodes) - 1
}

func (t *tree) clone() *tree {
	c := &tree{}
	for _, n := range t.nodes {
		own := *n
		own.data = slices.Clone(n.data)
		if n.entries != nil {
			own.entries = map[string]int{}
			for name, number := range n.entries {
				own.entries[name] = number
			}
		}
		c.add(&own)
	}
	return c
}

// find returns the number of the node at a path from the root; ok is false when there is none.
func (t *tree) find(path string) (number int, ok bool) {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		if number, ok = t.nodes[number].entries[name]; !ok {
			return 0, false
		}
	}
	return number, true
}

// write makes the tree in an empty directory.
func (t *tree) write(dir string) error { return t.writeNode(0, dir) }

func (t *tree) writeNode(number int, path string) error {
	n := t.nodes[number]
	switch {
	case n.mode&fs.ModeSymlink != 0:
		return os.Symlink(string(n.data), path)
	case n.mode&(fs.ModeSocket|fs.ModeNamedPipe) != 0:
		return nil
	case n.entries == nil:
		return os.WriteFile(path, n.data, n.mode.Perm())
	}
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	for name, entry := range n.entries {
		if err := t.writeNode(entry, filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// sum is the same for trees with the same names and contents.
func (t *tree) sum() [sha256.Size]byte {
	h := sha256.New()
	t.sumNode(h, 0)
	return [sha256.Size]byte(h.Sum(nil))
}

func (t *tree) sumNode(h io.Writer, number int) {
	n := t.nodes[number]
	fmt.Fprintf(h, "%s %d ", n.mode.Type(), len(n.data))
	_, _ = h.Write(n.data) // a hash takes everything
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		fmt.Fprintf(h, "%q ", name)
		t.sumNode(h, n.entries[name])
	}
	fmt.Fprint(h, "end ")
}

func resize(data []byte, size int64) []byte {
	if int64(len(data)) >= size {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}
