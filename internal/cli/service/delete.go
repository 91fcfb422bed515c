// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/shellquote"
	"rancherdesktop.io/rdd/internal/vm"
)

func deleteCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete all VMs, stop the daemon and remove the instance",
		Long: `Delete first deletes the App and all LimaVMs through the API, starting the daemon if need be, and waits until
they are gone. Only then it stops the daemon and removes the instance's directories. When a VM cannot be deleted in
time, nothing else is removed. Directories of VMs that no LimaVM claims, and the disks of
rdd limavm disk, stay and are listed. On a terminal it asks
before it deletes a VM.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service delete\n  rdd --instance 3 service delete -y --timeout 10m",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	yes := session.AddYes(cmd)
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if missing, err := s.NotCreated(inst); err != nil || missing {
			return err
		}
		empty, err := storeless(inst)
		if err != nil {
			return err
		}
		if !*yes && !empty {
			if err := confirmVMs(ctx, s, inst); err != nil {
				return err
			}
		}
		if !wait {
			return inBackground(
				s, inst, fmt.Sprintf("Instance %q is being deleted.", inst.Name), "delete", "--yes", "--timeout", cmd.Flag("timeout").Value.String(),
			)
		}
		if !empty {
			if err := deleteAll(ctx, s.Reporting()); err != nil {
				return err
			}
		}
		return removeInstance(ctx, s, inst)
	})
}

// storeless reports whether no daemon runs and none has ever made a store: there is no VM then. To
// start one may take more room than there is.
func storeless(inst instance.Instance) (bool, error) {
	state, _, err := client.Find(inst)
	if err != nil || state != client.Stopped {
		return false, err
	}
	return presence.Storeless(inst)
}

// confirmVMs asks on a terminal whether to delete the VMs, where there are any. Without a terminal
// it asks nothing: scripts have deleted instances so from the beginning.
func confirmVMs(ctx context.Context, s *session.Session, inst instance.Instance) error {
	if !s.CanAsk() {
		return nil
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	var machines limav1.LimaVMList
	if err := c.List(ctx, &machines); err != nil {
		return fmt.Errorf("listing the LimaVMs: %w", err)
	}
	if len(machines.Items) == 0 {
		return nil
	}
	var names []string
	for _, machine := range machines.Items {
		names = append(names, machine.Name)
	}
	return s.Confirm(ctx, fmt.Sprintf("This deletes all VMs of instance %q with their disks (%s) and all its resources",
		inst.Name, strings.Join(names, ", ")), false)
}

// diskNames lists the disks that belong to no VM, where the engine keeps any. A damaged one counts.
func diskNames(ctx context.Context, s *session.Session) ([]string, error) {
	keeper, err := session.Ability[vm.DiskKeeper](s, "keep disks")
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := keeper.Disks(ctx)
	var names []string
	for _, disk := range all {
		names = append(names, disk.Name)
	}
	return names, err
}

// removeInstance stops the daemon and removes the instance's directories. Instance directories of
// VMs that no LimaVM claims stay, and so do disks that belong to no VM.
func removeInstance(ctx context.Context, s *session.Session, inst instance.Instance) error {
	ctx, cancel := finishing(ctx)
	defer cancel()
	if _, err := client.Stop(ctx, inst); err != nil {
		return err
	}
	if err := s.UndoHostChanges(ctx, inst); err != nil {
		// The record of them may be damaged, or the disk full: the deletion needs neither.
		fmt.Fprintln(s.Err, "What rdd changed on the host may be left there:", err)
	}
	left, err := resource.ListUnclaimed(ctx, s, nil)
	if err != nil {
		return err
	}
	disks, err := diskNames(ctx, s)
	if err != nil {
		return err
	}
	mounted, err := removeDirs(inst, len(left)+len(disks) > 0)
	if err != nil {
		return fmt.Errorf("removing the instance: %w", err)
	}
	printState(s, inst, "has been deleted")
	fmt.Fprintf(s.Out, "Instance %q is deleted.\n", inst.Name)
	before := environmentAfter(inst)
	if len(disks) > 0 {
		fmt.Fprintf(s.Out, "Disks that belong to no VM stay: %s; to delete them: %srdd --instance %s limavm disk delete %s\n",
			strings.Join(disks, ", "), before, inst.Name, strings.Join(disks, " "))
	}
	showMounted(s, mounted)
	showUnclaimed(s, left, before)
	return nil
}

// environmentAfter is what has to stand before commands about what stays of an instance that is
// removed: where its short directory was is not recorded any more.
func environmentAfter(inst instance.Instance) string {
	if name, value := inst.ShortEnvironment(); name != "" {
		return name + "=" + shellquote.Line(value) + " "
	}
	return ""
}

// showMounted prints the mount points that stay.
func showMounted(s *session.Session, mounted mountPoints) {
	for _, path := range mounted.emptied {
		fmt.Fprintf(s.Out, "%s stays, because something is mounted there; nothing of rdd is in it any more. "+
			"To remove it: umount '%[1]s', then rm -d '%[1]s'\n", path)
	}
	for _, path := range mounted.kept {
		fmt.Fprintf(s.Out, "%s stays with what is in it: something is mounted there, and not by rdd\n", path)
	}
}

// mountPoints are those that stay when directories are removed: directories of rdd's own, and what
// others have mounted below them.
type mountPoints struct{ emptied, kept []string }

// add takes the mount points that the error of a removal names. It returns every other error.
func (m *mountPoints) add(err error) error {
	var left *atomicfile.MountedError
	if !errors.As(err, &left) {
		return err
	}
	if left.Emptied != "" {
		m.emptied = append(m.emptied, left.Emptied)
	}
	m.kept = append(m.kept, left.Kept...)
	return nil
}

// removeDirs removes the directory with the saved arguments last: as long as these exist, the
// instance exists and the deletion can be repeated. It returns the mount points that stay.
func removeDirs(inst instance.Instance, keepVMs bool) (mounted mountPoints, err error) {
	logErr := mounted.add(inst.RemoveDir(inst.LogDir))
	var shortErr error
	if keepVMs {
		shortErr = removeAllBut(inst.ShortDir, inst.LimaHome(), &mounted)
	} else {
		shortErr = mounted.add(inst.RemoveDir(inst.ShortDir))
	}
	if err := errors.Join(logErr, shortErr); err != nil {
		return mounted, err
	}
	return mounted, mounted.add(inst.RemoveDir(inst.Dir))
}

// removeAllBut removes what is in a directory, except kept.
func removeAllBut(dir, kept string, mounted *mountPoints) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if path := filepath.Join(dir, entry.Name()); path != kept {
			errs = append(errs, mounted.add(atomicfile.RemoveAll(path)))
		}
	}
	return errors.Join(errs...)
}
