// SPDX-License-Identifier: Apache-2.0

package version

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"
)

func TestCompare(t *testing.T) {
	at := func(minutes int) time.Time { return time.Date(2026, 1, 1, 0, minutes, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		a, b Build
		want int
	}{
		"releases": {Build{Version: "v1.0.0"}, Build{Version: "v1.0.1"}, -1},
		"one release, built twice": {
			Build{Version: "v1.0.0", Fingerprint: "a", Linked: at(1)}, Build{Version: "v1.0.0", Fingerprint: "b", Linked: at(2)}, 0,
		},
		"a release with changes":   {Build{Version: "v1.0.0", Modified: true, Linked: at(1)}, Build{Version: "v1.0.0", Linked: at(2)}, -1},
		"commits after a release":  {Build{Version: "v1.0.1-0.dev.2+a"}, Build{Version: "v1.0.1-0.dev.10+b"}, -1},
		"a release after untagged": {Build{Version: "v0.0.0-dev", Committed: at(9)}, Build{Version: "v0.1.0", Committed: at(1)}, -1},
		"untagged commits": {
			Build{Version: "v0.0.0-dev+a", Revision: "a", Committed: at(1), Linked: at(9)},
			Build{Version: "v0.0.0-dev+b", Revision: "b", Committed: at(2), Linked: at(3)}, -1,
		},
		"named by the Go tool": {
			Build{Version: "v0.0.0-20260101-a", Committed: at(2)}, Build{Version: "v0.0.0-dev+b", Committed: at(1)}, 1,
		},
		"one commit, built twice": {
			Build{Version: "v0.0.0-dev", Revision: "a", Committed: at(1), Linked: at(1)},
			Build{Version: "v0.0.0-dev", Revision: "a", Committed: at(1), Linked: at(2)}, 0,
		},
		"one commit, then changed": {
			Build{Version: "v0.0.0-dev", Revision: "a", Committed: at(1), Linked: at(1)},
			Build{Version: "v0.0.0-dev", Revision: "a", Committed: at(1), Modified: true, Linked: at(2)}, -1,
		},
		"no known commit": {Build{Version: "v0.0.0-dev", Linked: at(2)}, Build{Version: "v0.0.0-dev", Linked: at(1)}, 1},
		"copies of one executable": {
			Build{Version: "v0.0.0-dev", Linked: at(2), Fingerprint: "a"}, Build{Version: "v0.0.0-dev", Linked: at(1), Fingerprint: "a"}, 0,
		},
		"nothing known":              {Build{Version: "v0.0.0-dev"}, Build{Version: "v0.0.0-dev"}, 0},
		"no version":                 {Build{}, Build{Version: "v1.0.0"}, 0},
		"a version that has no form": {Build{Version: "new"}, Build{Version: "v1.0.0"}, 0},
	} {
		if got := test.a.Compare(test.b); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
		if got := test.b.Compare(test.a); got != -test.want {
			t.Errorf("%s, the other way round: %d, want %d", name, got, -test.want)
		}
	}
}

func TestReadSettings(t *testing.T) {
	var b Build
	b.readSettings([]debug.BuildSetting{
		{Key: "vcs", Value: "git"},
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	})
	want := Build{Revision: "0123456789abcdef", Committed: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Modified: true}
	if b != want {
		t.Errorf("read %+v", b)
	}
	b = Build{}
	b.readSettings([]debug.BuildSetting{{Key: "vcs.time", Value: "yesterday"}, {Key: "vcs.modified", Value: "perhaps"}})
	if b != (Build{}) {
		t.Errorf("nonsense counts: %+v", b)
	}
}

// TestThis recognises a copy of this program as the same, and a changed copy not.
func TestThis(t *testing.T) {
	self := This()
	if self.Version == "" || self.Fingerprint == "" || self.Linked.IsZero() {
		t.Fatalf("this is %+v", self)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string, data []byte) Build {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var b Build
		b.readFile(path)
		return b
	}
	if got := read("copy", data); got.Fingerprint != self.Fingerprint {
		t.Error("a copy is not recognised")
	}
	if got := read("longer", append(data[:len(data):len(data)], 0)); got.Fingerprint == self.Fingerprint {
		t.Error("a longer file is taken for this program")
	}
	data[headSize/2]++
	if got := read("changed", data); got.Fingerprint == self.Fingerprint {
		t.Error("another program is taken for this one")
	}
	if got := read("short", []byte("#!/bin/sh\n")); got.Fingerprint == "" {
		t.Error("a short file has no fingerprint")
	}
	var none Build
	if none.readFile(filepath.Join(t.TempDir(), "missing")); none != (Build{}) {
		t.Errorf("a missing file is %+v", none)
	}
}

func TestText(t *testing.T) {
	linked := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, b := range map[string]Build{
		"v1.0.0":                                         {Version: "v1.0.0", Linked: linked},
		"v0.0.0-dev+abc of 2026-01-02 03:04:05":          {Version: "v0.0.0-dev+abc", Revision: "abcdefabcdef", Linked: linked},
		"v0.0.0-dev+abcdefa of 2026-01-02 03:04:05":      {Version: "v0.0.0-dev", Revision: "abcdefabcdef", Linked: linked},
		"v0.0.0-20260102-abcdefa of 2026-01-02 03:04:05": {Version: "v0.0.0-20260102-abcdefa", Revision: "abcdefabcdef", Linked: linked},
		"v0.0.0-dev":                                     {Version: "v0.0.0-dev"},
	} {
		if got := b.Text(); got != want {
			t.Errorf("%+v is %q, want %q", b, got, want)
		}
	}
}

func TestSource(t *testing.T) {
	const revision = "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
	for want, b := range map[string]Build{
		"v1.2.3":      {Version: "v1.2.3", Revision: revision},
		"v1.2.3-rc.1": {Version: "v1.2.3-rc.1", Revision: revision},
		"v1.2.4":      {Version: "v1.2.4", Revision: revision, Modified: true},
		revision:      {Version: "v1.2.4-0.dev.4+abcdefa", Revision: revision},
		"abcdef0":     {Version: "v1.2.4-0.dev.4+abcdef0"},
		"abcdef1":     {Version: "v0.0.0-dev+abcdef1-dirty", Modified: true},
		"v0.0.0-dev":  {Version: "v0.0.0-dev"},
		"":            {},
	} {
		if got := b.Source(); got != want {
			t.Errorf("%+v is of %q, want %q", b, got, want)
		}
	}
}
