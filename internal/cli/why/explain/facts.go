// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// Facts are what was gathered about the App, or about one virtual machine.
type Facts struct {
	Now time.Time
	// Instance is the rdd instance's name.
	Instance string
	// InstanceExists says that the instance was created.
	InstanceExists bool
	Daemon         Daemon
	Store          Store
	// VMName is the LimaVM in question; the App's when AboutApp.
	VMName   string
	AboutApp bool
	// App and VM are nil when they do not exist or could not be read.
	App *appv1.App
	VM  *limav1.LimaVM
	// HeldVM and HeldApp are objects that go with them and cannot go: ConfigMaps of the LimaVM; for
	// the App, what is in its namespace, and that itself.
	HeldVM, HeldApp []Held
	// Events of both, in order of time.
	Events []Event
	// Directory is the instance directory.
	Directory Directory
	// Phases are the history of the machine, in order of time.
	Phases []Phase
	// Console holds the last lines of the guest's console. ConsoleTime is when the last was written.
	Console     []string
	ConsoleTime time.Time
	// BootLogs are the kinds of logs that show why a guest does not boot.
	BootLogs []string
	// Docker says whether Docker answers on the host; nil when it was not pinged.
	Docker *bool
}

// Daemon is the state of the control plane.
type Daemon struct {
	// Running says that it is ready, Changing that it is starting or stopping.
	Running, Changing bool
	// Problem is why its objects could not be read; empty when they could, or when it does not run.
	Problem string
	// LastErrors are the log lines of its last failure; empty when it has been ready since.
	LastErrors []string
	// Disabled are the controllers that the instance was created without, or those that the daemon was
	// started without: DisabledNow.
	Disabled    []string
	DisabledNow bool
}

// Store is what is wrong with the daemon's store; the zero value is a sound one.
type Store struct {
	// Problem says why writes fail; empty when they do not.
	Problem string
	// Full: they fail for want of room in Dir.
	Full bool
	Dir  string
	// Bad names objects that cannot be read.
	Bad string
}

// Directory is the instance directory of the virtual machine's name.
type Directory struct {
	Path   string
	Exists bool
	// Foreign says that rdd did not make it, Damaged that its owner cannot be read.
	Foreign, Damaged bool
	// OwnerUID, OwnerNamespace and OwnerName are those of the LimaVM that it was made for.
	OwnerUID, OwnerNamespace, OwnerName string
	// Machine says that the machine's processes run.
	Machine bool
	// StepSince is when the present step of the hostagent began; zero when there is none.
	StepSince time.Time
	// Pause is why the machine's guest does not run; empty: it does, or the machine is down.
	Pause string
}

// Event is something that happened to an object.
type Event struct {
	Time    time.Time
	Warning bool
	// On is the kind of the object: App or LimaVM.
	On, Reason, Message string
	// Cause is the part of the message that is the cause; empty where there is none.
	Cause string
	// Count is how often it happened in a row, the last time at Time.
	Count int
}

// Phase is an entry of a machine's history.
type Phase struct {
	Time time.Time
	Text string
}

// Events turns the API's Events into this package's, in order of time.
func Events(list []corev1.Event) []Event {
	events := make([]Event, len(list))
	for i, e := range list {
		events[i] = Event{
			Time: eventTime(e), Warning: e.Type == corev1.EventTypeWarning, On: e.InvolvedObject.Kind,
			Reason: e.Reason, Message: e.Message, Cause: e.Annotations[limav1.AnnotationCause], Count: eventCount(e),
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return events
}

// eventTime is when an Event happened last. The API has that in one of four fields.
func eventTime(e corev1.Event) time.Time {
	times := []time.Time{e.EventTime.Time, e.LastTimestamp.Time, e.FirstTimestamp.Time}
	if e.Series != nil {
		times = append(times, e.Series.LastObservedTime.Time)
	}
	latest := slices.MaxFunc(times, time.Time.Compare)
	if latest.IsZero() {
		return e.CreationTimestamp.Time
	}
	return latest
}

func eventCount(e corev1.Event) int {
	if e.Series != nil {
		return int(e.Series.Count)
	}
	return cmp.Or(int(e.Count), 1)
}
