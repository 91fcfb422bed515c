// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/test/filecalls"
)

// diskContent stands for a machine's disk, which is synced once it is made.
var diskContent = []byte(strings.Repeat("disk", 500))

// life is what happens to an instance directory, with a note after each step that has returned.
func life(l *filecalls.Layer, home Home) error {
	done := func(step string, err error) error {
		if err == nil {
			l.Note(step)
		}
		return err
	}
	d := In(string(home), "x")
	record := Record{Engine: Engine, Owner: vm.Owner{UID: "u"}, Version: "1"}
	if err := done("claimed", home.Claim("x", record, []byte("template"))); err != nil {
		return err
	}
	if err := os.WriteFile(d.Disk(), diskContent, 0o600); err != nil {
		return err
	}
	if err := done("disk", errors.Join(atomicfile.Sync(d.Disk()), atomicfile.SyncDir(string(d)))); err != nil {
		return err
	}
	record, err := d.ReadRecord()
	if err != nil {
		return err
	}
	record.Version = "2"
	lock, err := flock.Try(d.HostagentLock())
	if err != nil {
		return err
	}
	err = errors.Join(
		done("recorded", d.WriteRecord(record)), done("started", d.WriteStart(Start{ID: "1"})),
		done("run 1", d.WriteRun(lock, Run{StartID: "1", Phase: vm.PhaseStarting})),
		done("run 2", d.WriteRun(lock, Run{StartID: "1", Phase: vm.PhaseRunning})),
	)
	l.Note("removing")
	return errors.Join(err, done("removed", home.Remove("x")), lock.Unlock())
}

// TestPowerCuts plays a power cut after each call in the life of an instance directory: it is
// whole, with all that was acknowledged, or it is not there.
func TestPowerCuts(t *testing.T) {
	root := t.TempDir()
	l, err := filecalls.New(root)
	if err != nil {
		t.Fatal(err)
	}
	var lifeErr error
	filecalls.Skip(t, l.Run(func() {
		if lifeErr = atomicfile.MkdirAll(filepath.Join(root, "made"), 0o700); lifeErr == nil {
			lifeErr = life(l, Home(filepath.Join(root, "made", "lima")))
		}
	}))
	if lifeErr != nil {
		t.Fatal(lifeErr)
	}
	cuts, err := l.EachCut(func(s filecalls.State) error { return checkLife(s, Home(filepath.Join(s.Dir, "made", "lima"))) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls: %d power cuts, %d different states", len(l.Calls(l.Len())), cuts.All, cuts.Different)
}

func checkLife(s filecalls.State, home Home) error {
	names, err := home.Instances()
	if err != nil {
		return err
	}
	present := slices.Contains(names, "x")
	switch {
	case present && s.Noted("removed"):
		return errors.New("the directory is there again")
	case !present && s.Noted("claimed") && !s.Noted("removing"):
		return errors.New("the directory is lost")
	case !present:
		return nil
	}
	d := In(string(home), "x")
	record, err := d.ReadRecord()
	if err != nil || s.Noted("recorded") && record.Version != "2" {
		return fmt.Errorf("the record is %+v: %w", record, err)
	}
	if template, err := os.ReadFile(d.Template()); err != nil || Hash(template) != record.Spec.TemplateHash {
		return fmt.Errorf("the template is %q: %w", template, err)
	}
	if disk, err := os.ReadFile(d.Disk()); s.Noted("disk") && !reflect.DeepEqual(disk, diskContent) {
		return fmt.Errorf("the disk has %d bytes: %w", len(disk), err)
	}
	if start, err := d.ReadStart(); s.Noted("started") && start.ID != "1" {
		return fmt.Errorf("the start is %+v: %w", start, err)
	}
	run, err := d.ReadRun()
	if err != nil || s.Noted("run 2") && run.Phase != vm.PhaseRunning || s.Noted("run 1") && run.StartID != "1" {
		return fmt.Errorf("the run is %+v: %w", run, err)
	}
	return nil
}
