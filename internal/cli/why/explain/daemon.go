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

// storeFails: nothing that anybody asks for is kept.
func storeFails(f *Facts) *Cause {
	switch {
	case f.Store.Problem == "":
		return nil
	case f.Store.Full:
		c := &Cause{
			Code: CodeStoreFull, Blocked: true, Summary: "The store is full, so nothing new can be made: " + f.Store.Problem,
			Next: "make room in " + f.Store.Dir + "; deletions still work (rdd image prune removes unused images)",
		}
		if pause := f.Directory.Pause; pause != "" { // it could not be written to the store
			c.Detail = []string{f.subject() + " does not go on: " + pause}
		}
		return c
	}
	return &Cause{
		Code: CodeStoreFailing, Blocked: true, Next: "rdd service logs",
		Summary: "The store fails, so nothing can be changed: " + f.Store.Problem,
	}
}

// unreadableObjects: the store has objects that cannot be read. With them the daemon does not start
// again.
func unreadableObjects(f *Facts) *Cause {
	if f.Store.Bad == "" {
		return nil
	}
	return &Cause{
		Code: CodeStoreFailing, Blocked: true, Summary: "The store has objects that cannot be read: " + f.Store.Bad,
		Next: "rdd service restore, or set them aside: rdd service repair --quarantine KEY",
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
			c := &Cause{
				Code: CodeController, Blocked: true,
				Summary: fmt.Sprintf("Nobody acts: instance %q was made without the controller %q.", f.Instance, name),
				Next:    "use an instance that has it: rdd --instance NAME …",
			}
			if f.Daemon.DisabledNow {
				c.Summary = fmt.Sprintf("Nobody acts: the daemon was started without the controller %q.", name)
				c.Next = "rdd service stop, then rdd service start"
			}
			return c
		}
	}
	return nil
}

// deleting reports whether the App or the LimaVM in question is being deleted.
func (f *Facts) deleting() bool {
	return f.AboutApp && f.App != nil && f.App.DeletionTimestamp != nil || f.VM != nil && f.VM.DeletionTimestamp != nil
}
