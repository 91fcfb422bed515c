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
	// InstanceExists says that it was ever made.
	InstanceExists bool
	Daemon         Daemon
	Store          Store
	// VMName is the virtual machine in question; the App's when AboutApp.
	VMName   string
	AboutApp bool
	// App and VM are nil when they do not exist or could not be asked for.
	App *appv1.App
	VM  *limav1.LimaVM
	// Events of both, in order of time.
	Events []Event
	// Directory is the instance directory.
	Directory Directory
	// Phases are what the hostagent said of the machine, in order of time.
	Phases []Phase
	// Console holds the last lines of the guest's console, ConsoleTime is when the last was written.
	Console     []string
	ConsoleTime time.Time
	// Docker says whether Docker answers on the host; nil when nobody asked.
	Docker *bool
}

// Daemon is how the control plane was found.
type Daemon struct {
	// Running: it answers. Changing: it is starting or stopping.
	Running, Changing bool
	// Problem is why it could not be asked; empty when it could, or is not there.
	Problem string
	// LastWords are why it failed last; empty when it was ready since.
	LastWords []string
	// Disabled are the controllers that the instance was made without.
	Disabled []string
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

// Directory is what lies on disk under the virtual machine's name.
type Directory struct {
	Path   string
	Exists bool
	// Foreign: rdd did not make it. Damaged: whose it is cannot be read.
	Foreign, Damaged bool
	// OwnerUID, OwnerNamespace and OwnerName are the LimaVM's it was made for.
	OwnerUID, OwnerNamespace, OwnerName string
	// Machine says that the machine's processes live.
	Machine bool
	// StepSince is when what the hostagent is doing began; zero when it does nothing.
	StepSince time.Time
}

// Event is something that happened to an object.
type Event struct {
	Time    time.Time
	Warning bool
	// On is the kind of the object: App or LimaVM.
	On, Reason, Message string
	// Cause is what the message says of the cause alone; empty where it says nothing of one.
	Cause string
	// Count is how often in a row it happened, the last time at Time.
	Count int
}

// Phase is what a hostagent said of its machine.
type Phase struct {
	Time time.Time
	Text string
}

// Events turns the API's events into ours, in order of time.
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

// eventTime is when it happened last: the API keeps that in one of four places.
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
