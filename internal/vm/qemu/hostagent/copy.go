// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// maxCopy bounds a file that is copied to the host, in bytes: it is held in memory.
	maxCopy = 64 << 20
	// codeMissing is the exit code of readScript when there is no file.
	codeMissing = 44
	readScript  = `[ -e "$1" ] || exit 44; exec cat -- "$1"`
)

// copyToHost copies the files that the template's copyToHost names. Root reads them in the guest;
// on the host they are the user's alone, as they may hold credentials.
func (a *agent) copyToHost(ctx context.Context, m *machineProcess) error {
	ctx, cancel := m.withTimeout(ctx, a.deadlines(m.accelerator).provision)
	defer cancel()
	for i, c := range m.template.CopyToHost {
		err := a.copyFile(ctx, m, c)
		if err != nil {
			return &vm.Fault{
				Kind: vm.FaultUnknown, Field: fmt.Sprintf("copyToHost[%d]", i),
				Text: fmt.Sprintf("copyToHost[%d]: copying the guest's %s to %s: %v", i, c.Guest, c.Host, err),
				Hint: "see whether the guest's scripts make the file (provision, probes), or give skipIfMissing: true",
			}
		}
	}
	return nil
}

func (a *agent) copyFile(ctx context.Context, m *machineProcess, c template.CopyToHost) error {
	var data, stderr *bounded.Buffer
	read := func() sshx.Command {
		data, stderr = &bounded.Buffer{Limit: maxCopy}, &bounded.Buffer{Limit: 4 << 10}
		return sshx.Command{Stdout: data, Stderr: stderr}
	}
	code, err := a.asRoot(ctx, m, read, readScript, c.Guest)
	switch {
	case err != nil:
		return err
	case code == codeMissing && c.SkipIfMissing:
		a.Log.Info("not copied to the host: there is no such file", "guest", c.Guest)
		return nil
	case code == codeMissing:
		return errors.New("there is no such file in the guest")
	case code != 0:
		return fmt.Errorf("exit code %d: %s", code, bytes.TrimSpace(stderr.Bytes()))
	case data.Err() != nil:
		return fmt.Errorf("it is larger than %d MiB", maxCopy>>20)
	}
	if err := os.MkdirAll(filepath.Dir(c.Host), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(c.Host, data.Bytes(), 0o600)
}

// removeCopies removes the copies that go with the machine. What cannot be read of the template has
// made none.
func (a *agent) removeCopies() error {
	t, err := guest.Template(a.Dir, a.record, a.start)
	if err != nil {
		a.Log.Warn("removing what was copied from the guest", "error", err)
		return nil
	}
	var errs []error
	for _, c := range t.CopyToHost {
		if c.DeleteOnStop {
			errs = append(errs, atomicfile.Remove(c.Host))
		}
	}
	return errors.Join(errs...)
}
