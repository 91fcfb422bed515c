// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
)

func noApp(f *Facts) *Cause {
	if !f.AboutApp || f.App != nil {
		return nil
	}
	return &Cause{Code: CodeNoApp, Blocked: true, Summary: "There is no App yet: nobody has asked for a VM.", Next: "rdd start"}
}

// settled is the App's condition Settled; nil when its controller has not observed this generation.
func (f *Facts) settled() *metav1.Condition {
	c := meta.FindStatusCondition(f.App.Status.Conditions, appv1.ConditionSettled)
	if c == nil || c.ObservedGeneration < f.App.Generation {
		return nil
	}
	return c
}

// unsettled is that condition if the question is about the App and it is not True, or else nil.
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

// appDeleting: the App is being deleted and waits for something other than its LimaVM.
func appDeleting(f *Facts) *Cause {
	if !f.AboutApp || f.App.DeletionTimestamp == nil || (f.VM != nil && f.VM.DeletionTimestamp != nil) {
		return nil
	}
	if c := heldCause("The deletion of the App", HeldBy(kindApp, "app", f.App), f.HeldApp); c != nil {
		return c
	}
	why := "its controller removes what belongs to it"
	if s := meta.FindStatusCondition(f.App.Status.Conditions, appv1.ConditionSettled); s != nil && s.Message != "" {
		why = FirstLine(s.Message)
	}
	return &Cause{Code: CodeDeleting, Summary: "The App is being deleted: " + why + ".", Next: "rdd delete, which waits for it"}
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

// engineNotReady: the machine runs, and its container engine cannot be used.
func engineNotReady(f *Facts) *Cause {
	if !f.AboutApp || !f.App.Spec.Running {
		return nil
	}
	engine := f.App.Spec.ContainerEngine.Name
	c := meta.FindStatusCondition(f.App.Status.Conditions, appv1.ConditionContainerEngineReady)
	switch {
	case c != nil && c.Status == metav1.ConditionFalse:
		why := FirstLine(c.Message)
		if c.Reason == appv1.ReasonStopped { // its controller has not observed the running machine yet
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
