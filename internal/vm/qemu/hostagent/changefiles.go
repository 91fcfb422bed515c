// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/assign"
	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/template"
)

//go:embed changefile.sh
var changeFileScript string

// maxChanged bounds a file that is changed, in bytes.
const maxChanged = 1 << 20

// changeFiles makes the changes of the steps of mode yq: guests have no program for that. The
// guest's scripts wait until all are made, and what was to be done before.
func (a *agent) changeFiles(ctx context.Context, m *machineProcess) error {
	ctx, cancel := m.withTimeout(ctx, a.deadlines(m.accelerator).provision)
	defer cancel()
	for i, p := range m.template.Provision {
		if p.Mode != template.ModeYQ {
			continue
		}
		if err := a.changeFile(ctx, m, p); err != nil {
			field := fmt.Sprintf("provision[%d]", i)
			return &vm.Fault{
				Kind: vm.FaultUnknown, Field: field, Text: fmt.Sprintf("%s (mode yq): changing the guest's %s: %v", field, p.Path, err),
				Hint: "see whether the file has the format that the template says",
			}
		}
	}
	if !guest.AwaitsHost(m.template) {
		return nil
	}
	_, err := a.ask(ctx, m, "exec sudo -n touch "+guest.HostFiles)
	return err
}

func (a *agent) changeFile(ctx context.Context, m *machineProcess, p template.Provision) error {
	var before *bounded.Buffer
	read := func() sshx.Command {
		before = &bounded.Buffer{Limit: maxChanged}
		return sshx.Command{Stdout: before}
	}
	code, err := a.asRoot(ctx, m, read, readScript, p.Path)
	switch {
	case err != nil:
		return err
	case code != 0 && code != codeMissing:
		return fmt.Errorf("it cannot be read (exit code %d)", code)
	case before.Err() != nil:
		return fmt.Errorf("it is larger than %d bytes", maxChanged)
	}
	after, err := assign.Evaluator{}.Apply(p.FileFormat(), before.String(), p.Expression)
	if err != nil {
		return err
	}
	var stderr *bounded.Buffer
	write := func() sshx.Command {
		stderr = &bounded.Buffer{Limit: 4 << 10}
		return sshx.Command{Stdin: strings.NewReader(after), Stderr: stderr}
	}
	code, err = a.asRoot(ctx, m, write, changeFileScript, p.Path, p.Owner, p.Permissions, strconv.Itoa(len(after)))
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, bytes.TrimSpace(stderr.Bytes()))
	}
	return err
}

// asRoot runs a shell script as root in the guest, with arguments from $1 on. When the connection
// breaks it runs the script again, with another command for its streams, so that must do no harm.
func (a *agent) asRoot(
	ctx context.Context, m *machineProcess, command func() sshx.Command, script string, args ...string,
) (code int, err error) {
	line := sshx.Clean("exec sudo -n " + sshx.Quote(append([]string{"sh", "-c", script, "rdd"}, args...)...))
	err = a.repeat(ctx, m, func() (ended bool, err error) {
		c := command()
		c.Line = line
		code, err = a.run(ctx, m, c)
		return err == nil, err
	})
	return code, err
}
