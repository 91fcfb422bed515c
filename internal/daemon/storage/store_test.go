// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/datastore/checked"
	"rancherdesktop.io/rdd/internal/instance"
)

// TestEvidence: VM directories show that a store is missing where nobody has noted whether
// there was one. They outlive an instance that is deleted.
func TestEvidence(t *testing.T) {
	made, not := true, false
	for name, c := range map[string]struct {
		storeMade *bool
		machines  []string
		want      string
	}{
		"new":                {storeMade: &not},
		"new, with machines": {storeMade: &not, machines: []string{"dev"}},
		"made":               {storeMade: &made, want: "a note of it in "},
		"unknown":            {machines: []string{"_config", ".hidden"}},
		"unknown, machines":  {machines: []string{"dev"}, want: "the VM directory "},
	} {
		t.Run(name, func(t *testing.T) {
			inst := instance.Instance{Dir: t.TempDir(), ShortDir: t.TempDir()}
			if err := (presence.Arguments{StoreMade: c.storeMade}).Save(inst); err != nil {
				t.Fatal(err)
			}
			for _, machine := range c.machines {
				if err := os.MkdirAll(filepath.Join(inst.LimaHome(), machine), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			found, err := evidence(inst)
			if err != nil || (len(found) > 0) != (c.want != "") || !strings.HasPrefix(strings.Join(found, ", "), c.want) {
				t.Errorf("found %q, %v", found, err)
			}
		})
	}
}

// TestRefused: the error says what is wrong and what can be done, for each way in which a
// store cannot be used, and an empty one is not made.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(path string) error
		want error
	}{
		"removed": {os.Remove, datastore.ErrLost},
		"emptied": {func(path string) error { return os.Truncate(path, 0) }, datastore.ErrLost},
		"garbage": {func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 5000)), 0o600) }, datastore.ErrDamaged},
		"a directory": {
			func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }, datastore.ErrNoFile,
		},
		"being restored": {func(path string) error { return os.WriteFile(path+".restoring", nil, 0o600) }, datastore.ErrRestoring},
	} {
		t.Run(name, func(t *testing.T) {
			inst := instance.Instance{Dir: t.TempDir(), ShortDir: t.TempDir()}
			if err := (presence.Arguments{}).Save(inst); err != nil {
				t.Fatal(err)
			}
			store, err := Open(inst)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(store.Backup(t.Context(), time.Now()), store.Close(), c.lose(inst.StoreFile())); err != nil {
				t.Fatal(err)
			}
			_, err = Open(inst)
			if !errors.Is(err, c.want) {
				t.Fatalf("opening it ended with %v", err)
			}
			for _, want := range []string{
				inst.StoreFile(), "in its place: rdd service restore;", "empty store, which knows no VM: rdd service restore --empty",
			} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestHandlers(t *testing.T) {
	since := time.Now().UTC().Round(time.Second)
	handler := Handlers(instance.Instance{Dir: "/dir"}, func() datastore.Health {
		return datastore.Health{
			Free: 1, Reserve: 2, Short: true, Bad: []datastore.BadRow{{Key: "/key", Reason: "rot"}},
			Failure: &datastore.Failure{Cause: checked.CauseFull, Message: "the store: creating /x: no room", Since: since, Count: 3},
		}
	})[presence.StoreHealthPath]
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", presence.StoreHealthPath, nil))
	var got presence.StoreHealth
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := presence.StoreHealth{
		Dir: "/dir", Free: 1, Reserve: 2, Short: true, Bad: []presence.BadObject{{Key: "/key", Reason: "rot"}},
		Failure: &presence.StoreFailure{Cause: presence.CauseFull, Message: "creating /x: no room", Since: since, Count: 3},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", answer.Body)
	}
}
