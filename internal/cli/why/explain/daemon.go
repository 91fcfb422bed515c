// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
)

// Names of controllers in --controllers.
const (
	appController    = "app"
	limavmController = "limavm"
)

func noInstance(f *Facts) *Cause {
	if f.InstanceExists {
		return nil
	}
	return &Cause{
		Code: CodeNoInstance, Blocked: true, Next: "rdd start",
		Summary: fmt.Sprintf("Nothing runs: instance %q does not exist yet.", f.Instance),
	}
}

// daemonUnavailable: no controller acts on the objects. Machines run on.
func daemonUnavailable(f *Facts) *Cause {
	c := &Cause{Blocked: true, Detail: f.Daemon.LastErrors}
	switch {
	case f.Daemon.Running && f.Daemon.Problem == "":
		return nil
	case f.Daemon.Problem != "":
		c.Code, c.Summary = CodeDaemonSilent, "The daemon cannot be asked: "+f.Daemon.Problem
		c.Next = "rdd service logs"
		return c
	case f.Daemon.Changing:
		c.Code, c.Summary, c.Blocked = CodeDaemonChanging, "The daemon is starting or stopping", false
		c.Next = "rdd service status"
	default:
		c.Code, c.Summary = CodeDaemonDown, "The daemon is not running"
		c.Next = "rdd service start"
	}
	if f.Directory.Machine {
		c.Summary += "; " + f.object() + "'s machine goes on running, but nobody looks after it."
	} else {
		c.Summary += ", so nothing is started, stopped or changed."
	}
	return c
}

// controllerDisabled: the controller that would do the work does not run. A deletion goes on all
// the same.
func controllerDisabled(f *Facts) *Cause {
	if f.deleting() {
		return nil
	}
	for _, name := range f.Daemon.Disabled {
		if name == limavmController || (name == appController && f.AboutApp) {
			return &Cause{
				Code: CodeController, Blocked: true,
				Summary: fmt.Sprintf("Nobody acts: instance %q was made without the controller %q.", f.Instance, name),
				Next:    "to have it: rdd service delete, which deletes all VMs, then rdd service create with that controller",
			}
		}
	}
	return nil
}

// deleting reports whether the App or the LimaVM in question is being deleted.
func (f *Facts) deleting() bool {
	return f.AboutApp && f.App != nil && f.App.DeletionTimestamp != nil || f.VM != nil && f.VM.DeletionTimestamp != nil
}
