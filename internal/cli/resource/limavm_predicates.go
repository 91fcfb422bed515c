// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// whileItExists makes a session.Predicate of a function of a LimaVM. A LimaVM that was deleted, or
// is being deleted, ends the wait with an error.
func whileItExists(until func(*limav1.LimaVM) (session.Result, error)) session.Predicate {
	return func(object ctrlclient.Object) (session.Result, error) {
		machine, ok := object.(*limav1.LimaVM)
		if !ok || machine.DeletionTimestamp != nil {
			return session.Result{}, errors.New("the LimaVM was deleted meanwhile")
		}
		return until(machine)
	}
}

// VMRunning returns a predicate that holds once a LimaVM of at least that generation runs, or is
// stopped, as running says. It fails when somebody changes spec.running meanwhile.
func VMRunning(running bool, generation int64) session.Predicate {
	return whileItExists(func(machine *limav1.LimaVM) (session.Result, error) {
		if machine.Generation > generation && machine.Spec.Running != running {
			return session.Result{}, fmt.Errorf("the LimaVM was changed meanwhile: its spec.running is %t now", machine.Spec.Running)
		}
		return powerResult(machine, running, generation), nil
	})
}

// powerResult says whether a LimaVM of at least that generation runs or is stopped, as running
// says.
func powerResult(machine *limav1.LimaVM, running bool, generation int64) session.Result {
	const unobserved = "waiting for the LimaVM controller"
	created := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
	if running && (created == nil || created.Status != metav1.ConditionTrue) {
		return session.Blocked(created, generation, unobserved)
	}
	c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionRunning)
	if c != nil && c.ObservedGeneration >= generation && powerIs(c, running) {
		return session.Result{Done: true}
	}
	return session.Blocked(c, generation, unobserved)
}

func powerIs(c *metav1.Condition, running bool) bool {
	if running {
		return c.Status == metav1.ConditionTrue
	}
	return c.Status == metav1.ConditionFalse && c.Reason == limav1.ReasonStopped
}

// createdResult says whether a LimaVM is complete on disk.
func createdResult(machine *limav1.LimaVM) session.Result {
	c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
	if c != nil && c.Status == metav1.ConditionTrue {
		return session.Result{Done: true}
	}
	return session.Blocked(c, machine.Generation, "waiting for the LimaVM controller")
}

// VMCreated returns a predicate that holds once the LimaVM is complete on disk.
func VMCreated() session.Predicate {
	return whileItExists(func(machine *limav1.LimaVM) (session.Result, error) { return createdResult(machine), nil })
}

// settledResult says whether a LimaVM is complete on disk, runs or is stopped as its spec says, and
// needs no restart into a changed template.
func settledResult(machine *limav1.LimaVM) session.Result {
	if result := createdResult(machine); !result.Done {
		return result
	}
	result := powerResult(machine, machine.Spec.Running, machine.Generation)
	if result.Done && machine.Status.RestartNeeded {
		return session.Result{Why: "waiting for the restart"}
	}
	return result
}

// awaiting is the given result once the controller has observed the request.
func awaiting(observed bool, result func() session.Result) session.Result {
	if !observed {
		return session.Result{Why: "waiting for the LimaVM controller", Unobserved: true}
	}
	return result()
}

// VMUpToDate returns a predicate that holds once a change of the template or the parameters is in
// force, as inForce says, and the machine runs or is stopped as its spec says.
func VMUpToDate(inForce func(*limav1.LimaVM) bool) session.Predicate {
	return whileItExists(func(machine *limav1.LimaVM) (session.Result, error) {
		result := settledResult(machine)
		if result.Done && !inForce(machine) {
			return session.Result{Why: "waiting for the LimaVM controller", Unobserved: true}, nil
		}
		return result, nil
	})
}

// VMAdopted returns a predicate that holds once the instance directory belongs to the LimaVM: then
// the controller removes the annotation.
func VMAdopted() session.Predicate {
	return whileItExists(func(machine *limav1.LimaVM) (session.Result, error) {
		if machine.Annotations[limav1.AnnotationAdoptFrom] == "" {
			return session.Result{Done: true}, nil
		}
		return createdResult(machine), nil
	})
}

// VMRenamed returns a predicate that holds once a LimaVM that was created for the machine of
// another one has that for good: then the controller removes the annotation.
func VMRenamed() session.Predicate {
	return whileItExists(func(machine *limav1.LimaVM) (session.Result, error) {
		result := createdResult(machine)
		if _, _, asked := limav1.RenamedFrom(machine); asked && result.Done {
			return session.Result{Why: "deleting the LimaVM that it was"}, nil
		}
		return result, nil
	})
}

// VMRestarted returns a predicate that holds once the controller has observed the request and the
// machine has started more often than before. It fails when somebody stops the machine meanwhile.
func VMRestarted(request string, before int64) session.Predicate {
	return whileItExists(func(machine *limav1.LimaVM) (session.Result, error) {
		if !machine.Spec.Running {
			return session.Result{}, fmt.Errorf("the LimaVM was changed meanwhile: its spec.running is false now")
		}
		return awaiting(machine.Status.LastRestartRequest == request, func() session.Result {
			result := settledResult(machine)
			if result.Done && machine.Status.RestartCount <= before {
				return session.Result{Why: "waiting for the restart"}
			}
			return result
		}), nil
	})
}
