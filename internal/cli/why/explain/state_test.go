// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

func TestStateText(t *testing.T) {
	at := ago(12 * time.Second)
	deleted := with(dev(made, shutting), func(vm *limav1.LimaVM) { vm.DeletionTimestamp = &at })
	restarted := []Event{
		{Time: now.Add(-time.Hour), Reason: limav1.ReasonStarting},
		{Time: now.Add(-5 * time.Second), Reason: limav1.ReasonStarting},
		{Time: now.Add(-4 * time.Second), Reason: "Other"},
	}
	for _, tt := range []struct {
		name   string
		vm     *limav1.LimaVM
		events []Event
		want   string
	}{
		{"boots", dev(made, booting), nil, "Starting: booting 2/5 for 12s"},
		{"boots since its last event", dev(made, booting), restarted, "Starting: booting 2/5 for 5s"},
		{"boots since after an event", dev(made, booting), restarted[:1], "Starting: booting 2/5 for 12s"},
		{"is made", dev(making, syncing), nil, "Creating: downloading image 42% (210 of 500 MB, 12 MB/s) for 12s"},
		{"runs", dev(made, up), nil, "Running for 12s"},
		{"is stopped", dev(made, down), nil, "Stopped for 12s"},
		{"fails", dev(made, notUp("one\ntwo")), nil, "StartFailed for 12s: one …"},
		{"cannot be made", dev(notMade("boom"), syncing), nil, "CreateFailed for 12s: boom"},
		{"is deleted", deleted, nil, "Deleting: shutting down for 12s"},
		{"is new", dev(), nil, "Unknown: its controller has not looked at it yet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := VMState(tt.vm, tt.events).Text(now); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRecentExits(t *testing.T) {
	if d := RecentExits([]Event{died(time.Hour, 3), {Time: now, Reason: "Started"}}, now); d != nil {
		t.Errorf("unexpected exits of long ago count: %+v", d)
	}
	d := RecentExits([]Event{died(time.Minute, 2), died(20*time.Second, 1)}, now)
	if d == nil || d.Count != 3 {
		t.Fatalf("got %+v", d)
	}
	want := "ended by itself 3 times lately, the last time 20s ago: QEMU ended with signal 9 …"
	if got := d.Text(now); got != want {
		t.Errorf("got %q", got)
	}
	if got := RecentExits([]Event{died(20*time.Second, 1)}, now).Text(now); got[:len("ended by itself once")] != "ended by itself once" {
		t.Errorf("got %q", got)
	}
}

func TestFirstLine(t *testing.T) {
	for text, want := range map[string]string{"": "", "one": "one", "one\n": "one", "\n one \n\n": "one", "one\ntwo": "one …"} {
		if got := FirstLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestBrief(t *testing.T) {
	long := strings.Repeat("ü", briefLength)
	if brief(long) != long || brief(long+"x") != long[:len(long)-len("ü")]+"…" {
		t.Errorf("got %q", brief(long+"x"))
	}
}

func TestEvents(t *testing.T) {
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	micro := func(s int) metav1.MicroTime { return metav1.NewMicroTime(at(s)) }
	on := corev1.ObjectReference{Kind: "LimaVM"}
	got := Events([]corev1.Event{
		{InvolvedObject: on, Reason: "Series", EventTime: micro(1), Series: &corev1.EventSeries{Count: 4, LastObservedTime: micro(9)}},
		{InvolvedObject: on, Reason: "New", EventTime: micro(5), Type: corev1.EventTypeWarning, Message: "m"},
		{InvolvedObject: on, Reason: "Old", FirstTimestamp: metav1.NewTime(at(1)), LastTimestamp: metav1.NewTime(at(3)), Count: 2},
		{InvolvedObject: on, Reason: "Bare", ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(at(2))}},
	})
	want := []Event{
		{Time: at(2), On: "LimaVM", Reason: "Bare", Count: 1},
		{Time: at(3), On: "LimaVM", Reason: "Old", Count: 2},
		{Time: at(5), On: "LimaVM", Reason: "New", Count: 1, Warning: true, Message: "m"},
		{Time: at(9), On: "LimaVM", Reason: "Series", Count: 4},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestTimeline(t *testing.T) {
	f := aboutApp(settled(), rd(made, up))
	f.App.Status.Conditions[0].LastTransitionTime = ago(time.Second)
	f.Events = []Event{{Time: now.Add(-time.Minute), On: "LimaVM", Reason: "Creating", Message: "one\ntwo", Count: 2}, died(5*time.Second, 1)}
	f.Phases = []Phase{{Time: now.Add(-30 * time.Second), Text: "Starting: booting 2/5"}}
	f.Console, f.ConsoleTime = []string{"login:", "$"}, now.Add(-2*time.Second)
	var got []string
	for _, e := range Timeline(f) {
		got = append(got, now.Sub(e.Time.Time).String()+" "+e.Kind+" "+e.Text)
	}
	want := []string{
		"1m0s event LimaVM Creating (2 times): one …",
		"30s phase Starting: booting 2/5",
		"12s condition LimaVM Created=True/Created",
		"12s condition LimaVM Running=True/Started",
		"5s event LimaVM MachineDied: the machine ended by itself and is started again: QEMU ended with signal 9 …",
		"2s console login:", "2s console $",
		"1s condition App Settled=True/Settled",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	f.AboutApp = false
	if entries := Timeline(f); len(entries) != len(want)-1 {
		t.Errorf("the time line of a LimaVM has %d entries", len(entries))
	}
	if entries := Timeline(Facts{}); entries != nil {
		t.Errorf("nothing gives %v", entries)
	}
}
