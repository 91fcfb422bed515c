// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
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
	settled = condition(appv1.ConditionSettled, metav1.ConditionTrue, "Settled", "")
	booting = condition(appv1.ConditionSettled, metav1.ConditionFalse, "WaitingForLimaVM", "booting")
	noQEMU  = condition(
		appv1.ConditionSettled, metav1.ConditionFalse, "StartFailed", "this host lacks QEMU; to cure it: sudo apt-get install qemu-system-x86",
	)
	outdated = metav1.Condition{Type: appv1.ConditionSettled, Status: metav1.ConditionFalse, Reason: "StartFailed", ObservedGeneration: 1}
)

// failing is a start that failed.
func failing(message string) metav1.Condition {
	return condition(appv1.ConditionSettled, metav1.ConditionFalse, "StartFailed", message)
}

// step is something that the waiting command sees after a time.
type step struct {
	after  time.Duration
	object ctrlclient.Object
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
		{
			name: "settles", steps: []step{{object: app()}, {after: time.Minute, object: app(booting)}, {after: time.Minute, object: app(settled)}},
			took: 2 * time.Minute,
		},
		{
			name: "an old failure does not count", steps: []step{{object: app(outdated)}, {after: time.Minute, object: app(settled)}},
			took: time.Minute,
		},
		{
			name: "a failure that passes",
			steps: []step{
				{object: app(booting)}, {after: time.Second, object: app(noQEMU)}, {after: time.Second, object: app(booting)},
				{after: time.Minute, object: app(settled)},
			},
			took: time.Minute + 2*time.Second,
		},
		{
			name:  "a failure that stays",
			steps: []step{{object: app(booting)}, {after: time.Second, object: app(noQEMU)}, {after: time.Hour}},
			want:  "StartFailed: this host lacks QEMU; to cure it: sudo apt-get install qemu-system-x86", code: session.ExitError,
			took: 3 * time.Second,
		},
		{
			name: "a failure that comes back",
			steps: []step{
				{object: app(booting)}, {after: time.Second, object: app(failing("died after 3 s"))}, {after: time.Second, object: app(booting)},
				{after: time.Minute, object: app(failing("died after 5 s"))}, {after: time.Hour},
			},
			want: "StartFailed: died after 5 s", code: session.ExitError, took: time.Minute + 2*time.Second,
		},
		{
			name: "a failure from before that comes back",
			steps: []step{
				{object: app(noQEMU)}, {after: time.Second, object: app(booting)}, {after: time.Minute, object: app(noQEMU)}, {after: time.Hour},
			},
			want: "StartFailed: this host lacks QEMU", code: session.ExitError, took: time.Minute + time.Second, retries: 1,
		},
		{
			name: "another failure",
			steps: []step{
				{object: app(failing("one"))}, {after: time.Second, object: app(booting)}, {after: time.Second, object: app(failing("two"))},
				{after: time.Second, object: app(settled)},
			},
			took: 3 * time.Second, retries: 1,
		},
		{
			name:  "a failure from before that stays",
			steps: []step{{object: app(noQEMU)}, {after: time.Hour}},
			want:  "StartFailed: this host lacks QEMU", code: session.ExitError, took: 10 * time.Second, retries: 1,
		},
		{
			name:  "a failure from before that was cured",
			steps: []step{{object: app(noQEMU)}, {after: 9 * time.Second, object: app(booting)}, {after: time.Minute, object: app(settled)}},
			took:  time.Minute + 9*time.Second, retries: 1,
		},
		{
			name: "a passed deadline", steps: []step{{object: app(booting)}, {after: 24 * time.Hour}},
			want: "context deadline exceeded while waiting for the VM to run (booting)", code: session.ExitDeadline, took: time.Hour,
		},
		{
			name: "deleted", steps: []step{{object: app(booting)}, {after: time.Second, object: deleted}}, want: "the App was deleted meanwhile",
			code: session.ExitError, took: time.Second,
		},
		{
			name: "gone", steps: []step{{object: app(booting)}, {after: time.Second}}, want: "the App was deleted meanwhile",
			code: session.ExitError, took: time.Second,
		},
		{
			name: "changed by someone else", steps: []step{{object: stoppedByOther}}, want: "its spec.running is false now", code: session.ExitError,
		},
		{name: "a broken watch", steps: []step{{err: errors.New("boom")}}, want: "waiting for the VM to run: boom", code: session.ExitError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began, retries := time.Now(), 0
				w := &session.Wait{
					Follow: script(tt.steps), Until: AppSettled(app(), "running"), What: "the VM to run", Hint: "See rdd status.",
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
		observations := make(chan session.Observation)
		go func() {
			for _, s := range steps {
				select {
				case <-time.After(s.after):
					select {
					case observations <- session.Observation{Object: s.object, Err: s.err}:
					case <-ctx.Done():
					}
				case <-ctx.Done():
				}
			}
		}()
		return observations
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
			Follow: script([]step{{object: app(booting)}, {after: time.Hour}}), Until: AppSettled(app(), "running"),
			What: "the VM to run", Hint: "The start goes on.", Progress: session.NewProgress(&bytes.Buffer{}),
		}
		checkExit(t, w.Run(ctx), "interrupted while waiting for the VM to run (booting)\n"+"The start goes on.", session.ExitError)
	})
}

func TestDeleted(t *testing.T) {
	deleted := session.Deleted("uid", func(object ctrlclient.Object) string { return deletionMessage(object.(*appv1.App).Status.Conditions) })
	recreated := app()
	recreated.UID = "another"
	for _, tt := range []struct {
		name   string
		object ctrlclient.Object
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
