// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/template"
)

//go:embed sshfs.sh
var installScript string

const (
	// Exit codes of installScript.
	codeNotInstalled, codeImpossible = 45, 46
	// mountPause is the pause before lost mounts are made again. It doubles up to longestMountPause,
	// and begins anew after mounts that have lasted longer than that.
	mountPause, longestMountPause = time.Second, 30 * time.Second
)

// mount has the guest mount what it has left to the host. It returns when all is mounted for the
// first time; then the mounts are kept until the machine ends. In a machine that was adopted they
// are made in the background: its guest has work to lose.
func (a *agent) mount(ctx context.Context, m *machineProcess) error {
	adopted := a.state.get().WasRunning
	wanted, err := a.wantsSSHFS(ctx, m, adopted)
	if err != nil || !wanted {
		return err
	}
	first := make(chan error, 1)
	m.work.Go(func() { a.keepMounts(m, adopted, first) })
	if adopted {
		return nil
	}
	a.state.step(vm.PhaseStarting, "mounting", stepProvision, steps)
	limit := a.deadlines(m.accelerator).provision
	ctx, cancel := m.withTimeout(ctx, limit)
	defer cancel()
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return mountFault(fmt.Errorf("they are not there within %s: %w", limit, context.Cause(ctx)))
	}
}

// wantsSSHFS reports whether the guest leaves its mounts to the host, which is known when its boot
// script has ended.
func (a *agent) wantsSSHFS(ctx context.Context, m *machineProcess, adopted bool) (bool, error) {
	if len(m.template.Mounts) == 0 || m.template.MountDriver() == template.Mount9p {
		return false, nil
	}
	line := "if [ -e " + guest.WantsSSHFS + " ]; then echo yes; fi"
	if !adopted {
		line = "until [ -e /run/rdd/" + vm.ScriptBoot + ".status ]; do sleep 0.2; done; " + line
	}
	ctx, cancel := m.withTimeout(ctx, a.deadlines(m.accelerator).provision)
	defer cancel()
	answer, err := a.ask(ctx, m, line)
	if err != nil {
		return false, mountFault(fmt.Errorf("asking the guest how it mounts: %w", err))
	}
	return strings.TrimSpace(answer) == "yes", nil
}

// mountFault is the fault of mounts that cannot be made. Most reasons are the network's, from which
// sshfs is installed.
func mountFault(err error) error {
	f := &vm.Fault{
		Kind: vm.FaultUnknown, Field: "mounts", Text: fmt.Sprintf("the guest's mounts cannot be made by sshfs: %v", err),
		Hint: "see the log with rdd limavm logs; take an image with sshfs, or install it by hand, or leave mounts out of the template",
	}
	if carried := vm.FaultOf(err); carried.Kind != vm.FaultUnknown {
		f = carried
	}
	return f
}

// keepMounts makes the mounts, and makes them again when they are lost, until the machine ends.
// first gets how making them for the first time went; unless the machine was adopted, a failure in
// the guest is the last one.
func (a *agent) keepMounts(m *machineProcess, adopted bool, first chan<- error) {
	pause, done := mountPause, adopted
	var mounted share.Set
	for {
		begun := time.Now()
		err := a.mountOnce(m, &mounted, func() {
			if !done {
				done = true
				first <- nil
			}
			a.Log.Info("the guest has mounted the host's directories by sshfs")
			a.setFailedMounts(nil)
		})
		switch {
		case m.ctx.Err() != nil || m.hasEnded() || a.stops.requested():
			if !done {
				first <- errStopRequested
			}
			return
		case !done && !errors.Is(err, errConnection):
			first <- mountFault(err)
			return
		}
		if time.Since(begun) > longestMountPause {
			pause = mountPause
		}
		a.Log.Warn("the guest's mounts are not there, and made again", "error", err, "pause", pause)
		if done {
			a.setFailedMounts(failedMounts(m.template.Mounts, err))
		}
		select {
		case <-m.ctx.Done():
		case <-m.ended:
		case <-time.After(pause):
		}
		pause = min(2*pause, longestMountPause)
	}
}

// mountOnce makes all mounts, calls ready, and returns why one of them has ended. A mount may be
// inside another one, so all are taken away then. before is what was mounted the last time, and is
// set.
func (a *agent) mountOnce(m *machineProcess, before *share.Set, ready func()) error {
	ctx, cancel := context.WithCancel(m.ctx)
	defer cancel()
	if err := a.installSSHFS(ctx, m); err != nil {
		return err
	}
	set, err := share.Prepare(m.template.Mounts, a.Private, a.Dir.Views())
	if err == nil {
		err = set.CheckUnmoved(*before)
	}
	if err != nil {
		return err
	}
	*before = set
	owners, err := a.owners(ctx, m)
	if err != nil {
		return err
	}
	server, err := a.startServer(set, owners)
	if err != nil {
		return err
	}
	sessions, err := a.connectMounts(ctx)
	if err != nil {
		server.close()
		return err
	}
	defer func() {
		cancel()
		sessions.disconnect()
		server.close() // a session may wait for it
		sessions.all.Wait()
	}()
	for i, s := range set {
		if err := sessions.open(ctx, s, server.streams[i]); err != nil {
			return server.explain(err)
		}
	}
	if _, err := a.ask(ctx, m, "exec sudo -n touch "+guest.Mounted); err != nil {
		return fmt.Errorf("telling the guest that all is mounted: %w", err)
	}
	ready()
	select {
	case err := <-sessions.ended:
		return server.explain(err)
	case err := <-server.ended:
		return server.explain(errors.Join(errServerEnded, err))
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// installSSHFS has sshfs in the guest. What cannot be helped there is an error in the template.
func (a *agent) installSSHFS(ctx context.Context, m *machineProcess) error {
	var output *bounded.Buffer
	command := func() sshx.Command {
		output = &bounded.Buffer{Limit: maxLog}
		return sshx.Command{Stdout: output, Stderr: output}
	}
	env := m.template.Env
	code, err := a.asRoot(ctx, m, command, installScript, env["http_proxy"], env["https_proxy"])
	text := strings.TrimSpace(output.String())
	switch {
	case err != nil:
		return fmt.Errorf("installing sshfs in the guest: %w", err)
	case code == codeImpossible:
		return &vm.InvalidSpecError{Field: "mounts", Reason: "cannot be carried by sshfs: " + text + "; take another image, or leave mounts out"}
	case code == codeNotInstalled:
		return fmt.Errorf("%s; give the guest a network that reaches its package mirror, or an image that has the package", text)
	case code != 0:
		return fmt.Errorf("installing sshfs in the guest: exit code %d: %s", code, text)
	}
	return nil
}

// owners maps this user and group to those of the guest's user.
func (a *agent) owners(ctx context.Context, m *machineProcess) (share.Owners, error) {
	answer, err := a.ask(ctx, m, "id -g")
	if err != nil {
		return share.Owners{}, fmt.Errorf("asking for the group of the guest's user: %w", err)
	}
	group, err := strconv.ParseUint(strings.TrimSpace(answer), 10, 31)
	if err != nil {
		return share.Owners{}, fmt.Errorf("the group of the guest's user is none: %.50q", answer)
	}
	return share.OwnersFor(a.record.Machine.User.UID, int(group)), nil
}

var (
	errMountEnded  = errors.New("the connection by which it is mounted has ended")
	errConnection  = errors.New("the connection to the guest has failed")
	errServerEnded = errors.New("the server of the mounts has ended")
)

// failedMounts are the units of mounts that are lost, or cannot be made again because of err.
func failedMounts(mounts []template.Mount, err error) []vm.FailedUnit {
	reason := errMountEnded.Error()
	if f := vm.FaultOf(err); f.Kind != vm.FaultUnknown {
		reason = f.Text
	}
	var failed []vm.FailedUnit
	for _, mount := range mounts {
		failed = append(failed, vm.FailedUnit{Name: mountUnit(mount.MountPoint), Reason: reason})
	}
	return failed
}

// mountUnit is systemd's name for a mount point (systemd-escape(1)).
func mountUnit(mountPoint string) string {
	var b strings.Builder
	for i, c := range []byte(strings.Trim(path.Clean(mountPoint), "/")) {
		switch {
		case c == '/':
			b.WriteByte('-')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == ':', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String() + ".mount"
}
