// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// condition makes one of generation 2.
func condition(name string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: name, Status: status, Reason: reason, Message: message, ObservedGeneration: 2}
}

func app(conditions ...metav1.Condition) *appv1.App {
	return &appv1.App{
		ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName, UID: "uid", Generation: 2},
		Spec:       appv1.AppSpec{Running: true},
		Status:     appv1.AppStatus{Conditions: conditions},
	}
}

var (
	settled  = condition(appv1.ConditionSettled, metav1.ConditionTrue, "Settled", "")
	booting  = condition(appv1.ConditionSettled, metav1.ConditionFalse, "WaitingForLimaVM", "booting")
	noQEMU   = condition(appv1.ConditionSettled, metav1.ConditionFalse, "StartFailed", "this host lacks QEMU; to cure it: sudo apt-get install qemu-system-x86")
	outdated = metav1.Condition{Type: appv1.ConditionSettled, Status: metav1.ConditionFalse, Reason: "StartFailed", ObservedGeneration: 1}
)

// failing is a start that failed.
func failing(message string) metav1.Condition {
	return condition(appv1.ConditionSettled, metav1.ConditionFalse, "StartFailed", message)
}

// step is something that the waiting command sees after a time.
type step struct {
	after  time.Duration
	object ctrl.Object
	err    error
}

func TestWait(t *testing.T) {
	deleted, stoppedByOther := app(booting), app(booting)
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	stoppedByOther.Generation, stoppedByOther.Spec.Running = 3, false
	tests := []struct {
		name  string
		steps []step
		// want is what the error says; empty: no error.
		want string
		code int
		// took is how long it waits.
		took    time.Duration
		retries int
	}{
		{name: "settled already", steps: []step{{object: app(settled)}}},
		{name: "settles", steps: []step{{object: app()}, {after: time.Minute, object: app(booting)}, {after: time.Minute, object: app(settled)}}, took: 2 * time.Minute},
		{name: "an old failure does not count", steps: []step{{object: app(outdated)}, {after: time.Minute, object: app(settled)}}, took: time.Minute},
		{name: "a failure that passes", steps: []step{{object: app(booting)}, {after: time.Second, object: app(noQEMU)}, {after: time.Second, object: app(booting)}, {after: time.Minute, object: app(settled)}}, took: time.Minute + 2*time.Second},
		{
			name:  "a failure that stays",
			steps: []step{{object: app(booting)}, {after: time.Second, object: app(noQEMU)}, {after: time.Hour}},
			want:  "StartFailed: this host lacks QEMU; to cure it: sudo apt-get install qemu-system-x86", code: session.ExitError, took: 3 * time.Second,
		},
		{
			name:  "a failure that comes back",
			steps: []step{{object: app(booting)}, {after: time.Second, object: app(failing("died after 3 s"))}, {after: time.Second, object: app(booting)}, {after: time.Minute, object: app(failing("died after 5 s"))}, {after: time.Hour}},
			want:  "StartFailed: died after 5 s", code: session.ExitError, took: time.Minute + 2*time.Second,
		},
		{
			name:  "a failure from before that comes back",
			steps: []step{{object: app(noQEMU)}, {after: time.Second, object: app(booting)}, {after: time.Minute, object: app(noQEMU)}, {after: time.Hour}},
			want:  "StartFailed: this host lacks QEMU", code: session.ExitError, took: time.Minute + time.Second, retries: 1,
		},
		{
			name:  "another failure",
			steps: []step{{object: app(failing("one"))}, {after: time.Second, object: app(booting)}, {after: time.Second, object: app(failing("two"))}, {after: time.Second, object: app(settled)}},
			took:  3 * time.Second, retries: 1,
		},
		{
			name:  "a failure from before that stays",
			steps: []step{{object: app(noQEMU)}, {after: time.Hour}},
			want:  "StartFailed: this host lacks QEMU", code: session.ExitError, took: 10 * time.Second, retries: 1,
		},
		{name: "a failure from before that was cured", steps: []step{{object: app(noQEMU)}, {after: 9 * time.Second, object: app(booting)}, {after: time.Minute, object: app(settled)}}, took: time.Minute + 9*time.Second, retries: 1},
		{
			name: "a passed deadline", steps: []step{{object: app(booting)}, {after: 24 * time.Hour}},
			want: "context deadline exceeded while waiting for the VM to run (booting)", code: session.ExitDeadline, took: time.Hour,
		},
		{name: "deleted", steps: []step{{object: app(booting)}, {after: time.Second, object: deleted}}, want: "the App was deleted meanwhile", code: session.ExitError, took: time.Second},
		{name: "gone", steps: []step{{object: app(booting)}, {after: time.Second}}, want: "the App was deleted meanwhile", code: session.ExitError, took: time.Second},
		{name: "changed by someone else", steps: []step{{object: stoppedByOther}}, want: "its spec.running is false now", code: session.ExitError},
		{name: "a broken watch", steps: []step{{err: errors.New("boom")}}, want: "waiting for the VM to run: boom", code: session.ExitError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began, retries := time.Now(), 0
				w := &session.Wait{
					Follow: script(tt.steps), Until: settledJudge(app(), "running"), What: "the VM to run", Hint: "See rdd status.",
					Progress: session.NewProgress(&bytes.Buffer{}),
					Retry:    func(context.Context) error { retries++; return nil },
				}
				err := w.Run(ctx)
				if took := time.Since(began); took != tt.took {
					t.Errorf("it took %s, want %s", took, tt.took)
				}
				if retries != tt.retries {
					t.Errorf("it asked %d times for another attempt, want %d", retries, tt.retries)
				}
				checkExit(t, err, tt.want, tt.code)
			})
		})
	}
}

// script follows what steps say.
func script(steps []step) func(context.Context) <-chan session.Observation {
	return func(ctx context.Context) <-chan session.Observation {
		looks := make(chan session.Observation)
		go func() {
			for _, s := range steps {
				select {
				case <-time.After(s.after):
					select {
					case looks <- session.Observation{Object: s.object, Err: s.err}:
					case <-ctx.Done():
					}
				case <-ctx.Done():
				}
			}
		}()
		return looks
	}
}

func checkExit(t *testing.T, err error, want string, code int) {
	t.Helper()
	var out bytes.Buffer
	r := &session.Session{Streams: session.Streams{Err: &out}}
	if got := r.ExitCode(err); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	if (want == "") != (err == nil) || !strings.Contains(out.String(), want) {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}

func TestInterruptedWaitSaysHowToFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		w := &session.Wait{
			Follow: script([]step{{object: app(booting)}, {after: time.Hour}}), Until: settledJudge(app(), "running"),
			What: "the VM to run", Hint: startHint, Progress: session.NewProgress(&bytes.Buffer{}),
		}
		checkExit(t, w.Run(ctx), "interrupted while waiting for the VM to run (booting)\n"+startHint, session.ExitError)
	})
}

func testVM(running bool, conditions ...metav1.Condition) *limav1.LimaVM {
	return &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Name: "dev", UID: "uid", Generation: 2},
		Spec:       limav1.LimaVMSpec{Running: running},
		Status:     limav1.LimaVMStatus{Conditions: conditions},
	}
}

func TestLimaVMJudges(t *testing.T) {
	created := condition("Created", metav1.ConditionTrue, "Created", "")
	building := condition("Created", metav1.ConditionUnknown, "Pending", "building image 3/5 … 42%")
	taken := condition("Created", metav1.ConditionFalse, "NameTaken", "the directory is in the way")
	started := condition("Running", metav1.ConditionTrue, "Started", "")
	stopping := condition("Running", metav1.ConditionFalse, "Stopping", "shutting down")
	stopped := condition("Running", metav1.ConditionFalse, "Stopped", "")
	stopFailed := condition("Running", metav1.ConditionFalse, "StopFailed", "QEMU does not end")
	olderStarted := started
	olderStarted.ObservedGeneration = 1
	tests := []struct {
		name   string
		judge  session.Predicate
		object *limav1.LimaVM
		want   session.Result
	}{
		{"run: not seen", runningJudge(true, 2), testVM(true), session.Result{Why: "waiting for the LimaVM controller", Unseen: true}},
		{"run: building", runningJudge(true, 2), testVM(true, building), session.Result{Why: "building image 3/5 … 42%"}},
		{"run: name taken", runningJudge(true, 2), testVM(true, taken), session.Result{Why: "the directory is in the way", Failed: "NameTaken: the directory is in the way"}},
		{"run: started", runningJudge(true, 2), testVM(true, created, started), session.Result{Done: true}},
		{"run: started before the change", runningJudge(true, 2), testVM(true, created, olderStarted), session.Result{Why: "waiting for the LimaVM controller", Unseen: true}},
		{"stop: stopping", runningJudge(false, 2), testVM(false, created, stopping), session.Result{Why: "shutting down"}},
		{"stop: stopped", runningJudge(false, 2), testVM(false, created, stopped), session.Result{Done: true}},
		{"stop: failed", runningJudge(false, 2), testVM(false, created, stopFailed), session.Result{Why: "QEMU does not end", Failed: "StopFailed: QEMU does not end"}},
		{"create: building", createdJudge(), testVM(false, building), session.Result{Why: "building image 3/5 … 42%"}},
		{"create: created", createdJudge(), testVM(false, created), session.Result{Done: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.judge(tt.object)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestGoneJudge(t *testing.T) {
	deleted := session.Gone("uid", func(object ctrl.Object) string { return deletingWhy(object.(*appv1.App).Status.Conditions) })
	recreated := app()
	recreated.UID = "another"
	for _, tt := range []struct {
		name   string
		object ctrl.Object
		want   session.Result
	}{
		{"there", app(booting), session.Result{Why: "booting"}},
		{"there without a word", app(), session.Result{Why: "deleting"}},
		{"gone", nil, session.Result{Done: true}},
		{"made again", recreated, session.Result{Done: true}},
	} {
		if got, err := deleted(tt.object); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}
