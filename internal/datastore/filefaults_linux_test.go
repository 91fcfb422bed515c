// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/test/filecalls"
)

// named are the texts by which an error says what is wrong with the disk.
var named = regexp.MustCompile(`no space left on device|disk quota exceeded|input/output error|no room is left|disk I/O error|` +
	`database or disk is full|although the file system says so|unable to open database file`)

// isSQLite reports whether a file is one whose faults TestFaults injects below SQLite.
func isSQLite(path string) bool {
	return slices.Contains([]string{"store.db", "store.db-wal", "store.db-shm", "store.db-journal"}, filepath.Base(path))
}

// TestLifeFaults lets calls on the files beside the store fail: its markers, records and backups,
// and what restores and removes it. What was acknowledged is there, an error says what is wrong
// with the disk, and the next start goes on.
func TestLifeFaults(t *testing.T) {
	layer, _, output := lived(t, nil)
	if output != "" {
		t.Fatal(output)
	}
	calls, struck, ended := layer.Calls(layer.Len()), 0, 0
	beside := 0
	for _, c := range calls {
		if isSQLite(c.Path) {
			continue
		}
		beside++
		names := filecalls.Turns(beside)
		if !filecalls.Everything() {
			names = names[beside%len(names):][:1]
			if beside%3 != 0 {
				continue
			}
		}
		for _, name := range names {
			fault, k := filecalls.Faults()[name], beside
			seen := 0
			after, dir, output := lived(t, func(_ int, c filecalls.Call) filecalls.Fault {
				if isSQLite(c.Path) {
					return filecalls.Fine
				}
				if seen++; seen == k {
					struck++
					return fault
				}
				return filecalls.Fine
			})
			if output != "" {
				ended++
			}
			if output != "" && fault != filecalls.Nothing && !named.MatchString(output) {
				t.Errorf("%s, %s: it ended with %s", c, name, output)
			}
			if err := afterCut(filecalls.State{Dir: dir, Notes: after.Notes(after.Len())}); err != nil {
				t.Errorf("%s, %s: %v\n%s", c, name, err, output)
			}
		}
	}
	t.Logf("%d calls beside the store's: %d faults, %d of them ended what was done", beside, struck, ended)
}

// TestQuota: a quota that is used up is called a full disk, although SQLite calls it an I/O error.
func TestQuota(t *testing.T) {
	for name, fault := range map[string]filecalls.Fault{"no room is left": filecalls.Quota, "I/O error": filecalls.InputOutput} {
		begun := false
		after, dir, output := lived(t, func(_ int, c filecalls.Call) filecalls.Fault {
			begun = begun || strings.HasSuffix(c.Path, "backups")
			if begun && (c.Op == filecalls.Write || c.Op == filecalls.Create) {
				return fault
			}
			return filecalls.Fine
		})
		if !strings.Contains(output, "the store: creating /b-0: ") || !strings.Contains(output, name) {
			t.Errorf("the life ended with %s", output)
		}
		if err := afterCut(filecalls.State{Dir: dir, Notes: after.Notes(after.Len())}); err != nil {
			t.Error(err)
		}
	}
}
