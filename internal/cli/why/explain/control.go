// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
)

// Names of the controllers, as --controllers knows them.
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

// daemonAway: nobody acts on what the objects say. Machines go on.
func daemonAway(f *Facts) *Cause {
	c := &Cause{Blocked: true, Detail: f.Daemon.LastWords}
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

// storeFails: nothing that anybody asks for is kept.
func storeFails(f *Facts) *Cause {
	switch {
	case f.Store.Problem == "":
		return nil
	case f.Store.Full:
		return &Cause{
			Code: CodeStoreFull, Blocked: true, Summary: "The store is full, so nothing new can be made: " + f.Store.Problem,
			Next: "make room in " + f.Store.Dir + "; deletions still work (rdd image prune removes unused images)",
		}
	}
	return &Cause{
		Code: CodeStoreFailing, Blocked: true, Next: "rdd service logs",
		Summary: "The store fails, so nothing can be changed: " + f.Store.Problem,
	}
}

// badObjects: the store has objects that cannot be read, which keep the next start from being one.
func badObjects(f *Facts) *Cause {
	if f.Store.Bad == "" {
		return nil
	}
	return &Cause{
		Code: CodeStoreFailing, Blocked: true, Summary: "The store has objects that cannot be read: " + f.Store.Bad,
		Next: "rdd service restore, or set them aside: rdd service repair --quarantine KEY",
	}
}

func noApp(f *Facts) *Cause {
	if !f.AboutApp || f.App != nil {
		return nil
	}
	return &Cause{Code: CodeNoApp, Blocked: true, Summary: "There is no App yet: nobody has asked for a VM.", Next: "rdd start"}
}

// controllerDisabled: nobody makes what is asked for. A deletion goes on all the same.
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

// deleting says that what is asked about is being deleted.
func (f *Facts) deleting() bool {
	return f.AboutApp && f.App != nil && f.App.DeletionTimestamp != nil || f.VM != nil && f.VM.DeletionTimestamp != nil
}

// settled is the App's condition; nil when nobody has looked at the App as it is now.
func (f *Facts) settled() *metav1.Condition {
	c := meta.FindStatusCondition(f.App.Status.Conditions, appv1.ConditionSettled)
	if c == nil || c.ObservedGeneration < f.App.Generation {
		return nil
	}
	return c
}

// unsettled is that condition where the question is about the App and says that it is not as it
// should be; else nil.
func (f *Facts) unsettled() *metav1.Condition {
	if !f.AboutApp {
		return nil
	}
	c := f.settled()
	if c == nil || c.Status == metav1.ConditionTrue {
		return nil
	}
	return c
}

// appDeleting: what holds an App that is being deleted, unless that is its LimaVM.
func appDeleting(f *Facts) *Cause {
	if !f.AboutApp || f.App.DeletionTimestamp == nil || (f.VM != nil && f.VM.DeletionTimestamp != nil) {
		return nil
	}
	if c := foreignFinalizer("the App", "app/app", f.App.Finalizers, appv1.FinalizerCleanup); c != nil {
		return c
	}
	why := "its controller removes what belongs to it"
	if s := meta.FindStatusCondition(f.App.Status.Conditions, appv1.ConditionSettled); s != nil && s.Message != "" {
		why = FirstLine(s.Message)
	}
	return &Cause{Code: CodeDeleting, Summary: "The App is being deleted: " + why + ".", Next: "rdd delete, which waits for it"}
}

// foreignFinalizer finds a finalizer that is none of rdd's: only whoever set it can say when it may
// go.
func foreignFinalizer(what, resource string, finalizers []string, ours ...string) *Cause {
	for _, finalizer := range finalizers {
		if slices.Contains(ours, finalizer) {
			continue
		}
		return &Cause{
			Code: CodeFinalizer, Blocked: true,
			Summary: fmt.Sprintf("The deletion of %s waits for the finalizer %q, which is not rdd's.", what, finalizer),
			Next:    "let whoever set it finish, or remove it: rdd ctl edit " + resource,
		}
	}
	return nil
}

// appStalled: the App's controller cannot go on until someone acts.
func appStalled(f *Facts) *Cause {
	settled := f.unsettled()
	if settled == nil {
		return nil
	}
	first, rest := lines(settled.Message)
	switch settled.Reason {
	case appv1.ReasonForeignObject:
		return &Cause{
			Code: CodeForeign, Blocked: true, Summary: "The App cannot make its VM: " + first, Detail: rest,
			Next: "rdd ctl get limavm,configmap -n " + f.App.Spec.Namespace + ", and delete what is in the way if it is not needed",
		}
	case appv1.ReasonBootstrapFailed:
		return &Cause{
			Code: CodeBootstrap, Blocked: true, Summary: "The App cannot make its VM: " + first, Detail: rest,
			Next: "change the App: rdd set PROPERTY=VALUE",
		}
	case appv1.ReasonRetrying:
		return &Cause{
			Code: CodeRetrying, Blocked: true, Summary: "The App's controller meets an error and tries again: " + first, Detail: rest,
			Next: "rdd service logs",
		}
	}
	return nil
}

// appNotSettled: the VM is as it should be, and the App is not.
func appNotSettled(f *Facts) *Cause {
	settled := f.unsettled()
	if settled == nil {
		return nil
	}
	first, rest := lines(settled.Message)
	if settled.Reason == appv1.ReasonApplyingTemplate {
		c := &Cause{
			Code: CodeApplying, Summary: "The App was changed, and the change is being carried over to its VM", Detail: rest,
			Next: "nothing to do but wait",
		}
		if first != "" {
			c.Summary += ": " + first
		}
		return c
	}
	if first == "" {
		first = settled.Reason
	}
	return &Cause{Code: CodeSettling, Summary: "The App is not settled: " + first, Detail: rest, Next: "rdd status"}
}

// engineAway: the machine runs, and Docker in it cannot be reached.
func engineAway(f *Facts) *Cause {
	if !f.AboutApp || !f.App.Spec.Running {
		return nil
	}
	engine := f.App.Spec.ContainerEngine.Name
	c := meta.FindStatusCondition(f.App.Status.Conditions, appv1.ConditionContainerEngineReady)
	switch {
	case c != nil && c.Status == metav1.ConditionFalse:
		why := FirstLine(c.Message)
		if c.Reason == appv1.ReasonStopped { // its controller has not seen the running machine yet
			why = "waiting for the container engine controller"
		}
		cause := engineCause(engine, why)
		if c.Reason != appv1.ReasonConnectFailed {
			cause.Blocked, cause.Next = false, "nothing to do but wait"
		}
		return cause
	case f.Docker != nil && !*f.Docker:
		return engineCause(engine, "it does not answer on its socket")
	default:
		return nil
	}
}

func engineCause(engine appv1.EngineName, why string) *Cause {
	service := "docker"
	if engine == appv1.EngineContainerd {
		service = "containerd"
	}
	return &Cause{
		Code: CodeEngine, Blocked: true, Summary: "The VM runs, but the container engine in it is not ready: " + why + ".",
		Next: "rdd shell systemctl status " + service,
	}
}
