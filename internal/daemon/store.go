// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/apiserver/rows"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

const (
	// firstBackup is the time from the daemon's start to the first backup of the store. The delay
	// keeps the start quick. A store that has not changed is not backed up.
	firstBackup = 10 * time.Second
	// backupInterval is the time between two backups after that.
	backupInterval = 15 * time.Minute
	// verifyInterval is how often all rows of the store are read while the daemon runs.
	verifyInterval = 24 * time.Hour
)

// openStore opens the store, a new one for a new instance only. The error names the ways out.
func (d *daemon) openStore() (*datastore.Store, error) {
	path := d.inst.StoreFile()
	evidence, err := storeEvidence(d.inst)
	if err != nil {
		return nil, err
	}
	store, err := datastore.OpenWith(path, datastore.Options{
		Report: func(err error) { klog.ErrorS(err, "The store fails") }, Evidence: evidence, Check: rows.Check,
	})
	if err == nil {
		d.upkeep.report("noting that there is a store", presence.NoteStore(d.inst, true))
		return store, nil
	}
	if !recoverable(err) {
		return nil, err
	}
	backups, listErr := datastore.Backups(path)
	if listErr != nil {
		return nil, errors.Join(err, listErr)
	}
	return nil, fmt.Errorf("%w; %s", err, waysOut(backups))
}

// storeEvidence is what the instance shows, beside the store itself, of a store that was there.
func storeEvidence(inst instance.Instance) ([]string, error) {
	arguments, _, err := presence.LoadArguments(inst)
	switch {
	case err != nil:
		return nil, err
	case arguments.StoreMade == nil:
		return machineDirs(inst)
	case *arguments.StoreMade:
		return []string{"a note of it in " + inst.ArgsFile()}, nil
	}
	return nil, nil
}

// machineDirs names the directories of virtual machines. They outlive an instance that is deleted;
// without a note they show that the store is lost.
func machineDirs(inst instance.Instance) ([]string, error) {
	entries, err := os.ReadDir(inst.LimaHome())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for virtual machines: %w", err)
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), "_") && !strings.HasPrefix(entry.Name(), ".") {
			found = append(found, "the VM directory "+filepath.Join(inst.LimaHome(), entry.Name()))
		}
	}
	return found, nil
}

// recoverable reports whether an error means that the store has to be replaced.
func recoverable(err error) bool {
	for _, kind := range []error{
		datastore.ErrDamaged, datastore.ErrRestoring, datastore.ErrLost, datastore.ErrForeign, datastore.ErrNoFile,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// waysOut says what can take the place of a store that cannot be used. Both ways set it aside.
func waysOut(backups []datastore.Backup) string {
	way := "there is no backup"
	if len(backups) > 0 {
		way = fmt.Sprintf("to put the backup of %s in its place: rdd service restore", backups[0].Taken.Local().Format(time.DateTime))
	}
	return way + "; to start with an empty store, which knows no VM: rdd service restore --empty"
}

// verifyStore has all rows of the store read, at once and then every day. The channel it returns is
// closed when they were read for the first time. A bad row fails the daemon until then: an API
// server that waits for it would never be ready. One that is found later is reported.
func (d *daemon) verifyStore(store *datastore.Store) (verified <-chan struct{}) {
	done := make(chan struct{})
	d.parts.Run("objects in the store", func(ctx context.Context) error {
		if err := store.Verify(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		close(done)
		store.KeepVerified(ctx, verifyInterval, verifyInterval, func(err error) {
			klog.ErrorS(err, "Not all objects in the store can be read")
		})
		return nil
	})
	return done
}

// keepBackups backs the store up.
func (d *daemon) keepBackups(store *datastore.Store) {
	d.parts.Run("store backups", func(ctx context.Context) error {
		return store.KeepBackups(ctx, firstBackup, backupInterval, func(err error) { klog.ErrorS(err, "The store was not backed up") })
	})
}

// storeHandlers tell the user how the store is.
func storeHandlers(inst instance.Instance, health func() datastore.Health) map[string]http.Handler {
	return map[string]http.Handler{presence.StoreHealthPath: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(storeHealth(filepath.Dir(inst.StoreFile()), health())) // the caller may be gone
	})}
}

func storeHealth(dir string, h datastore.Health) presence.StoreHealth {
	answer := presence.StoreHealth{Dir: dir, Free: h.Free, Reserve: h.Reserve, Short: h.Short}
	if f := h.Failure; f != nil {
		message := strings.TrimPrefix(f.Message, "the store: ") // who reads it knows
		answer.Failure = &presence.StoreFailure{Cause: string(f.Cause), Message: message, Since: f.Since, Count: f.Count}
	}
	for _, row := range h.Bad {
		answer.Bad = append(answer.Bad, presence.BadObject{Key: row.Key, Reason: row.Reason})
	}
	return answer
}
