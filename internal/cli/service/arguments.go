// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

const (
	controllersFlag = "controllers"
	portFlag        = "secure-port"
)

// argumentFlags are the arguments of a daemon as flags: those that an instance is created with, or
// those of one run of its daemon.
type argumentFlags struct {
	presence.Arguments
	session *session.Session
	cmd     *cobra.Command
}

// addArguments gives cmd the flags. scope says in their help for how long they count.
func addArguments(s *session.Session, cmd *cobra.Command, scope string) *argumentFlags {
	f := &argumentFlags{Arguments: presence.DefaultArguments(), session: s, cmd: cmd}
	cmd.Flags().StringSliceVar(
		&f.Controllers, controllersFlag, f.Controllers,
		`controllers to run`+scope+`: names or API groups, "*" for all, "-name" to leave one out`,
	)
	cmd.Flags().IntVar(
		&f.SecurePort, portFlag, 0,
		"port of the API on 127.0.0.1"+scope+" (0: 6443 + the instance's number, or a free one where that is in use)",
	)
	_ = cmd.RegisterFlagCompletionFunc(
		controllersFlag, session.CompleteList(append(s.Controllers.Words(), presence.AllControllers)),
	) // fails when done twice
	_ = cmd.RegisterFlagCompletionFunc(portFlag, cobra.NoFileCompletions)
	return f
}

// asked reports whether one of the flags is given.
func (f *argumentFlags) asked() bool {
	return f.cmd.Flags().Changed(controllersFlag) || f.cmd.Flags().Changed(portFlag)
}

// check returns what is wrong with the values of the flags.
func (f *argumentFlags) check() error {
	if f.SecurePort < 0 || f.SecurePort > 65535 {
		return fmt.Errorf("--%s must be between 1 and 65535; got %d", portFlag, f.SecurePort)
	}
	if err := f.session.Controllers.Check(f.Controllers); err != nil {
		return fmt.Errorf("--%s: %w", controllersFlag, err)
	}
	return nil
}

// checkPort refuses a port for the API that is in use, while no daemon of the instance runs: before
// anything is made or started.
func (f *argumentFlags) checkPort(inst instance.Instance) error {
	state, _, err := client.Find(inst)
	if err != nil || state != client.Stopped {
		return err
	}
	arguments, err := f.forRun(inst)
	if err != nil {
		return err
	}
	return presence.CheckPort(arguments.SecurePort)
}

// create creates the instance and saves the flags as its arguments, with what is said about the
// log. created is false when it exists already. It is an error when it exists with other arguments
// than the flags ask for.
func (f *argumentFlags) create(inst instance.Instance) (created bool, err error) {
	if err := f.check(); err != nil {
		return false, err
	}
	present, exists, err := presence.LoadArguments(inst)
	if err != nil {
		return false, err
	}
	if exists && f.asked() && !present.Equal(f.Arguments) {
		return false, fmt.Errorf(
			"instance %q exists with other arguments (%s), which stay; for one run of its daemon others count with: rdd service start",
			inst.Name, inst.ArgsFile(),
		)
	}
	if exists {
		return false, nil
	}
	if err := presence.CheckPort(f.SecurePort); err != nil {
		return false, err
	}
	arguments := f.Arguments
	if err := f.session.SetLogging(&arguments); err != nil {
		return false, err
	}
	return true, makeInstance(f.session, inst, arguments)
}

// ensure creates the instance with the default arguments if it does not exist. The flags count for
// one run of the daemon: see forRun.
func (f *argumentFlags) ensure(inst instance.Instance) error {
	if err := f.check(); err != nil {
		return err
	}
	arguments, exists, err := presence.LoadArguments(inst)
	if err != nil || exists {
		return err
	}
	return makeInstance(f.session, inst, arguments)
}

// makeInstance creates the instance: from then on it exists.
func makeInstance(s *session.Session, inst instance.Instance, arguments presence.Arguments) error {
	if err := presence.CheckRoom(inst); err != nil {
		return err
	}
	if err := inst.MakeDirs(); err != nil {
		return err
	}
	arguments.StoreMade = new(false)
	if err := arguments.Save(inst); err != nil {
		return err
	}
	program, err := os.Executable()
	if err == nil {
		err = inst.LinkTools(program)
	}
	if err != nil { // the daemon tries it again
		fmt.Fprintf(s.Err, "Instance %q lacks a tool: %v\n", inst.Name, err)
	}
	return nil
}

// forRun returns the arguments of a run: those of the instance, but for what the flags say.
func (f *argumentFlags) forRun(inst instance.Instance) (presence.Arguments, error) {
	arguments, _, err := presence.LoadArguments(inst)
	if err != nil {
		return arguments, err
	}
	if f.cmd.Flags().Changed(controllersFlag) {
		arguments.Controllers = f.Controllers
	}
	if f.cmd.Flags().Changed(portFlag) {
		arguments.SecurePort = f.SecurePort
	}
	return arguments, f.session.SetLogging(&arguments)
}

// given returns the flags that are given, as arguments of `rdd service serve`.
func (f *argumentFlags) given() []string {
	var given []string
	if f.cmd.Flags().Changed(controllersFlag) {
		given = append(given, "--"+controllersFlag, strings.Join(f.Controllers, ","))
	}
	if f.cmd.Flags().Changed(portFlag) {
		given = append(given, "--"+portFlag, strconv.Itoa(f.SecurePort))
	}
	return given
}

// agree is an error when a running daemon does not have what the flags ask for: it was started
// before.
func (f *argumentFlags) agree(record presence.Record) error {
	has := ""
	if f.cmd.Flags().Changed(controllersFlag) {
		wanted, err := f.session.Controllers.Select(f.Controllers)
		if err != nil {
			return err
		}
		if record.Controllers != nil && !slices.Equal(record.Controllers, wanted) {
			has = "with the controllers " + strings.Join(record.Controllers, ", ")
		}
	}
	if f.cmd.Flags().Changed(portFlag) && f.SecurePort != record.SecurePort && f.SecurePort != record.Port {
		has = fmt.Sprintf("on port %d", record.Port)
	}
	if has == "" {
		return nil
	}
	return fmt.Errorf("the daemon is already running, %s; to start it as you ask: rdd service stop, then rdd service start again", has)
}
