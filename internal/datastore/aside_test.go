// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// aside makes a store with so many objects that was set aside days before noon.
func aside(t *testing.T, path, lineage string, objects, days int) string {
	t.Helper()
	name := path + asideInfix + noon.Add(-hours(24*days)).UTC().Format(asideLayout)
	emptyDatabase(t, name)
	exec(t, name, "CREATE TABLE kine (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, deleted INTEGER)")
	exec(t, name, "CREATE TABLE "+infoTable+" (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
	exec(t, name, fmt.Sprintf("INSERT INTO %s VALUES (%q, %q)", infoTable, infoLineage, lineage))
	for i := range objects {
		exec(t, name, fmt.Sprintf("INSERT INTO kine (name, deleted) VALUES ('/registry/configmaps/default/c%d', 0)", i))
	}
	for _, suffix := range companions {
		if err := os.WriteFile(name+suffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// TestPruneAside: of the stores that were set aside, old ones go, except the only one with what it
// has.
func TestPruneAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	for day := range 2 {
		aside(t, path, "a", 4, 31+day)
	}
	young := aside(t, path, "a", 4, 29)
	garbage := path + asideInfix + noon.Add(-hours(24*50)).UTC().Format(asideLayout)
	if err := os.WriteFile(garbage, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := []string{
		aside(t, path, "a", 4, 40), aside(t, path, "a", 8, 41), aside(t, path, "b", 0, 42), garbage, aside(t, path, "b", 6, 60),
	}
	kept := []string{young, aside(t, path, "a", 9, 43), aside(t, path, "b", 5, 51)}
	for _, name := range []string{path + asideInfix + "mine", path + ".lineage", path + asideInfix} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, name)
	}
	if err := os.Mkdir(path+asideInfix+noon.Add(-hours(24*70)).UTC().Format(asideLayout), 0o700); err != nil {
		t.Fatal(err)
	}
	removed, err := pruneAside(t.Context(), path, noon)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(removed)
	slices.Sort(gone)
	if !slices.Equal(removed, gone) {
		t.Errorf("removed %q, want %q", removed, gone)
	}
	for _, name := range gone {
		for _, suffix := range append([]string{""}, companions...) {
			if _, err := os.Stat(name + suffix); err == nil {
				t.Errorf("%s is left", name+suffix)
			}
		}
	}
	for _, name := range kept {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	if again, err := pruneAside(t.Context(), path, noon.Add(time.Hour)); err != nil || len(again) > 0 {
		t.Errorf("again: %q, %v", again, err)
	}
}
