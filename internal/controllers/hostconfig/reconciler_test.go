// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/test/sim"
)

// app is an App whose engine is ready, changed by edits.
func app(edits ...func(*appv1.App)) *appv1.App {
	a := &appv1.App{
		ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName, UID: "u"},
		Spec:       appv1.AppSpec{ContainerEngine: appv1.ContainerEngineSpec{Name: appv1.EngineMoby}},
	}
	a.Status.Conditions = []metav1.Condition{{
		Type: appv1.ConditionContainerEngineReady, Status: metav1.ConditionTrue, Reason: appv1.ReasonConnected,
		LastTransitionTime: metav1.NewTime(time.Unix(1_700_000_000, 0)),
	}}
	for _, edit := range edits {
		edit(a)
	}
	return a
}

func engine(status metav1.ConditionStatus, reason string) func(*appv1.App) {
	return func(a *appv1.App) { a.Status.Conditions[0].Status, a.Status.Conditions[0].Reason = status, reason }
}

func TestWant(t *testing.T) {
	at := "u 2023-11-14T22:13:20Z"
	for name, tt := range map[string]struct {
		app  *appv1.App
		want hostconfig.Want
	}{
		"no App":        {nil, hostconfig.Want{}},
		"ready":         {app(), hostconfig.Want{Docker: true, Ready: at}},
		"stopped":       {app(engine(metav1.ConditionFalse, appv1.ReasonStopped)), hostconfig.Want{Docker: true}},
		"connecting":    {app(engine(metav1.ConditionFalse, appv1.ReasonConnecting)), hostconfig.Want{Docker: true}},
		"no Docker":     {app(engine(metav1.ConditionTrue, "NotApplicable")), hostconfig.Want{Docker: true}},
		"nothing known": {app(func(a *appv1.App) { a.Status.Conditions = nil }), hostconfig.Want{Docker: true}},
		"containerd":    {app(func(a *appv1.App) { a.Spec.ContainerEngine.Name = appv1.EngineContainerd }), hostconfig.Want{}},
		"to be deleted": {app(func(a *appv1.App) { a.DeletionTimestamp = new(metav1.Now()) }), hostconfig.Want{}},
		"a new App":     {app(func(a *appv1.App) { a.UID = "v" }), hostconfig.Want{Docker: true, Ready: "v 2023-11-14T22:13:20Z"}},
		"to run or not": {app(func(a *appv1.App) { a.Spec.Running = true }), hostconfig.Want{Docker: true, Ready: at}},
		"no time is said": {
			app(func(a *appv1.App) { a.Status.Conditions[0].LastTransitionTime = metav1.Time{} }),
			hostconfig.Want{Docker: true, Ready: "u 0001-01-01T00:00:00Z"},
		},
	} {
		if got := hostconfig.WantedBy(tt.app); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

// fakeHost records what is wanted, and returns what the test has set.
type fakeHost struct {
	wants  []hostconfig.Want
	report hostconfig.Report
	err    error
}

func (f *fakeHost) Apply(_ context.Context, want hostconfig.Want) (hostconfig.Report, error) {
	f.wants = append(f.wants, want)
	return f.report, f.err
}

// recorder keeps Events as text.
type recorder []string

func (r *recorder) Record(_ context.Context, obj client.Object, events ...reconcile.Event) {
	for _, e := range events {
		*r = append(*r, obj.GetName()+" "+e.Reason+" "+e.Message)
	}
}

// fixture is a reconciler on an API in memory.
type fixture struct {
	*testing.T
	api    client.WithWatch
	events recorder
}

func newFixture(t *testing.T) *fixture {
	scheme := runtime.NewScheme()
	if err := errors.Join(appv1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	return &fixture{T: t, api: sim.New(scheme, time.Now, func(client.Object) {}).Client("test")}
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) reconcile(host Host) (ctrl.Result, error) {
	r := NewReconciler(f.api, host, &f.events)
	return r.Reconcile(f.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: appv1.AppName}})
}

// create makes the App, without its status.
func (f *fixture) create() {
	f.Helper()
	f.must(f.api.Create(f.Context(), app()))
}

func TestReconcileHandsOn(t *testing.T) {
	f, host := newFixture(t), &fakeHost{}
	for range 2 {
		result, err := f.reconcile(host)
		f.must(err)
		if result.RequeueAfter != 0 {
			t.Errorf("it looks again after %s", result.RequeueAfter)
		}
		f.create()
		_, err = f.reconcile(host)
		f.must(err)
		f.must(f.api.Delete(f.Context(), app()))
	}
	var got []bool
	for _, w := range host.wants {
		got = append(got, w.Docker)
	}
	if !slices.Equal(got, []bool{false, true, false, true}) {
		t.Errorf("wanted %v", host.wants)
	}
}

func TestProblemsAreReportedOnce(t *testing.T) {
	f := newFixture(t)
	f.create()
	problem := hostconfig.Problem{Name: hostconfig.Context, What: "is somebody's", Remedy: "remove it"}
	host := &fakeHost{report: hostconfig.Report{Problems: []hostconfig.Problem{problem}, Fresh: []hostconfig.Problem{problem}}}
	result, err := f.reconcile(host)
	if err != nil || result.RequeueAfter != reconcile.SlowRetry {
		t.Errorf("got %+v, %v", result, err)
	}
	host.report.Fresh = nil
	_, err = f.reconcile(host)
	f.must(err)
	if !slices.Equal(f.events, recorder{"app NotIntegrated docker-context: is somebody's; remove it"}) {
		t.Errorf("told %q", f.events)
	}
	host.err = errors.New("no lock")
	if _, err := f.reconcile(host); err == nil || !strings.Contains(err.Error(), "changing the host: no lock") {
		t.Errorf("got %v", err)
	}
}

// realHost returns the real implementation, in a directory of its own.
func realHost(dir string) *hostconfig.Host {
	return hostconfig.New(hostconfig.Options{
		Name: "rancher-desktop-t", Socket: filepath.Join(dir, "docker.sock"), Record: filepath.Join(dir, "data", "t", "integration.json"),
		Lock: filepath.Join(dir, "cache", "lock"), Link: filepath.Join(dir, "link"),
		Environment: hostconfig.Environment{ConfigDir: filepath.Join(dir, ".docker")},
	})
}

// TestRealHost checks that the settings of an App that was deleted while no daemon ran are removed.
func TestRealHost(t *testing.T) {
	f, dir := newFixture(t), t.TempDir()
	f.must(os.MkdirAll(filepath.Join(dir, "data", "t"), 0o700))
	f.create()
	_, err := f.reconcile(realHost(dir))
	f.must(err)
	if _, err := os.Stat(filepath.Join(dir, ".docker", "contexts", "meta")); err != nil {
		t.Error(err)
	}
	f.must(f.api.Delete(f.Context(), app()))
	_, err = f.reconcile(realHost(dir))
	f.must(err)
	if _, err := os.Stat(filepath.Join(dir, ".docker")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("docker's configuration is still there: %v", err)
	}
}
