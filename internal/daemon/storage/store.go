// SPDX-License-Identifier: Apache-2.0

// Package storage opens the store of an instance for its daemon: a new one for a new instance only.
// When a store cannot be used, the error says what can be done. Handlers tell the instance's user
// how a store is.
package storage

import (
	"errors"
	"fmt"
	"io/fs"
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

// Open opens the store of an instance, and makes one for a new instance. The error for a store that
// is damaged, lost or another instance's says what can be done.
func Open(inst instance.Instance) (*datastore.Store, error) {
	path := inst.StoreFile()
	evidence, err := evidence(inst)
	if err != nil {
		return nil, err
	}
	options := datastore.Options{
		Report: func(err error) { klog.ErrorS(err, "The store fails") }, Evidence: evidence, Check: rows.Check, Eager: true,
		Removed: func(path string) { klog.InfoS("Removed a store that was set aside long ago", "path", path) },
	}
	store, err := datastore.OpenWith(path, options)
	if errors.Is(err, datastore.ErrNoRoom) && presence.RemoveOldLogs(inst) {
		klog.InfoS("Removed old logs, because the disk is full")
		store, err = datastore.OpenWith(path, options)
	}
	if err == nil {
		if err := presence.NoteStore(inst, true); err != nil {
			klog.ErrorS(err, "That the instance has a store was not noted; the next start tries it again")
		}
		return store, nil
	}
	if !recoverable(err) {
		return nil, err
	}
	if errors.Is(err, datastore.ErrNoFile) && isWhole(path) {
		return nil, fmt.Errorf("%w; move it away: the store itself is there", err)
	}
	backups, listErr := datastore.Backups(path)
	if listErr != nil {
		return nil, errors.Join(err, listErr)
	}
	return nil, fmt.Errorf("%w; %s", err, waysOut(backups))
}

// evidence is what the instance shows, beside the store itself, of a store that was there.
func evidence(inst instance.Instance) ([]string, error) {
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

// isWhole reports whether the store's own file and its write-ahead log are files, so that something
// that can be made again is in the way.
func isWhole(path string) bool {
	info, err := os.Lstat(path)
	wal, walErr := os.Lstat(path + "-wal")
	return err == nil && info.Mode().IsRegular() && (walErr != nil || wal.Mode().IsRegular())
}

// waysOut says what can take the place of a store that cannot be used. Both ways set it aside.
func waysOut(backups []datastore.Backup) string {
	way := "there is no backup"
	if len(backups) > 0 {
		way = fmt.Sprintf("to put the backup of %s in its place: rdd service restore", backups[0].Taken.Local().Format(time.DateTime))
	}
	return way + "; to start with an empty store, which knows no VM: rdd service restore --empty"
}
