// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestHardLinks: what is written to one name of a file is there under the other one, before and
// after.
func TestHardLinks(t *testing.T) {
	w := newWorld(t)
	homes["hard links"](t, w)
	h := w.host("2")
	w.apply(h, w.ready(1))
	for _, name := range []string{".docker/config.json", "dotfiles/docker.json"} {
		if !strings.Contains(w.read(name), `"currentContext": "rancher-desktop-2"`) {
			t.Errorf("%s holds %s", name, w.read(name))
		}
	}
	if w.read(".docker/config.json.before-rdd") != oddConfig {
		t.Error("there is no copy of the original")
	}
	if strings.Contains(w.read(h.Record), `"writing"`) {
		t.Error("what was being written is still recorded")
	}
}

// TestWrittenSince: what others have written after an interrupted write stays.
func TestWrittenSince(t *testing.T) {
	w := newWorld(t)
	homes["hard links"](t, w)
	h := w.host("2")
	dying := &dyingFiles{left: 1 << 20, half: true}
	h.files = &stopAtOverwrite{dyingFiles: dying}
	if _, err := h.Apply(t.Context(), w.ready(1)); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if _, err := readConfig(w.path(".docker/config.json")); err == nil {
		t.Fatal("the write was not interrupted")
	}
	const theirs = `{"auths":{}}`
	w.write(".docker/config.json", theirs, 0o600)
	w.apply(w.host("2"), Want{})
	if got := w.read(".docker/config.json"); got != theirs {
		t.Errorf("it holds %s", got)
	}
}

// stopAtOverwrite is killed within the first write in place.
type stopAtOverwrite struct{ *dyingFiles }

func (s *stopAtOverwrite) Overwrite(path string, data []byte) error {
	s.left = 1
	return s.dyingFiles.Overwrite(path, data)
}

// TestMendNamesTheSetting: a file that cannot be mended is the problem of what it was written for.
func TestMendNamesTheSetting(t *testing.T) {
	for setting, want := range map[string]string{"": Current, Current: Current, Context: Context} {
		w := newWorld(t)
		h := w.host("2")
		w.mkdir("d") // which cannot be read as a file
		tx := &transaction{host: h, record: record{Writing: &unfinished{Setting: setting, File: w.path("d")}}}
		var problem *Problem
		if err := tx.mend(); !errors.As(err, &problem) || problem.Name != want {
			t.Errorf("%q: %v", setting, err)
		}
	}
}

// TestPutRecordsTheSetting: each of the files that are written in place says what it is for.
func TestPutRecordsTheSetting(t *testing.T) {
	w := newWorld(t)
	w.write("a", "old", 0o600)
	w.must(os.Link(w.path("a"), w.path("b")))
	h := w.host("2")
	dying := &dyingFiles{left: 1 << 20, half: true}
	h.files = &stopAtOverwrite{dyingFiles: dying}
	tx := &transaction{host: h}
	if err := tx.put(Context, w.path("a"), []byte("new"), 0o600); err == nil || tx.Writing == nil || tx.Writing.Setting != Context {
		t.Errorf("%v, %+v", err, tx.Writing)
	}
}

func TestTorn(t *testing.T) {
	for _, tc := range []struct {
		before, after, present string
		want                   bool
	}{
		{"old", "new", "old", false},
		{"old", "new", "new", false},
		{"old", "new", "nld", true},
		{"old", "new", "ned", true},
		{"old", "newer", "newe", true},
		{"older", "new", "newer", true},
		{"old", "", "old", false},
		{"", "new", "n", true},
		{"", "new", "other", false},
		{"old", "new", "something else", false},
		// The write-back was interrupted, too: what it wrote, then what the write had left.
		{"abcdef", "ABCDEF", "abCDef", true},
		{"abcdef", "ABCDEF", "aBCDEF", true},
		{"abcdef", "ABCDEFGH", "abcDEFGH", true},
		{"abcdef", "ABCDEFGH", "abcdefGH", true},
		{"abcdef", "ABCDEFGH", "abcdefG", true},
		{"abcdef", "ABC", "abCdef", true},
		{"abcdef", "ABCDEF", "abXDef", false},
		{"abcdef", "ABCDEF", "abCDeF", false},
		{"abcdef", "ABC", "ab", false},
		{"abcdef", "ABCDEF", "abcdefg", false},
	} {
		w := unfinished{Before: []byte(tc.before), After: []byte(tc.after)}
		if got := w.torn([]byte(tc.present)); got != tc.want {
			t.Errorf("%q written over %q: %q is torn: %v, want %v", tc.after, tc.before, tc.present, got, tc.want)
		}
	}
}
