// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/test/sim"
)

var ctx = context.Background()

// start returns a server and a user's client.
func start(t *testing.T) (*sim.API, *sim.Client) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, limav1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	api := sim.New(scheme, func() time.Time { return time.Unix(1_700_000_000, 0) }, func(client.Object) {})
	return api, api.Client("rdd:user")
}

func newVM() *limav1.LimaVM {
	return &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "vm"}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c client.Client) *limav1.LimaVM {
	t.Helper()
	found := newVM()
	must(t, c.Get(ctx, client.ObjectKeyFromObject(found), found))
	return found
}

func patch(text string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(text)) }

func TestVersionsAndGenerations(t *testing.T) {
	_, c := start(t)
	made := newVM()
	made.Status.BootID = "nobody writes a status by creating"
	must(t, c.Create(ctx, made))
	if made.UID == "" || made.ResourceVersion == "" || made.Generation != 1 || made.Status.BootID != "" {
		t.Fatalf("made %+v", made)
	}
	if err := c.Create(ctx, newVM()); !apierrors.IsAlreadyExists(err) {
		t.Errorf("the second: %v", err)
	}
	must(t, c.Patch(ctx, newVM(), patch(`{"metadata":{"labels":{"a":"b"}},"status":{"bootID":"x"}}`)))
	labelled := get(t, c)
	if labelled.Generation != 1 || labelled.ResourceVersion == made.ResourceVersion || labelled.Status.BootID != "" {
		t.Errorf("labelled %+v", labelled)
	}
	must(t, c.Patch(ctx, newVM(), patch(`{"metadata":{"labels":{"a":"b"}}}`)))
	if same := get(t, c); same.ResourceVersion != labelled.ResourceVersion {
		t.Error("a write that changes nothing makes a version")
	}
	must(t, c.Patch(ctx, newVM(), patch(`{"spec":{"running":true}}`)))
	if changed := get(t, c); changed.Generation != 2 {
		t.Errorf("changed %+v", changed)
	}
	if err := c.Update(ctx, made); !apierrors.IsConflict(err) {
		t.Errorf("a write over a newer version: %v", err)
	}
	status := reconcile.StatusWriter{Client: c, Owner: "o"}
	now := get(t, c)
	must(t, status.Apply(ctx, now, &limav1.LimaVMStatus{}, &limav1.LimaVMStatus{BootID: "y"}))
	if written := get(t, c); written.Status.BootID != "y" || written.Generation != 2 || !written.Spec.Running || written.Labels["a"] != "b" {
		t.Errorf("the status became %+v", written)
	}
	if err := status.Apply(ctx, now, &limav1.LimaVMStatus{}, &limav1.LimaVMStatus{}); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	if err := status.Apply(ctx, now, &limav1.LimaVMStatus{}, &limav1.LimaVMStatus{BootID: "z"}); !apierrors.IsConflict(err) {
		t.Errorf("a status of an older version: %v", err)
	}
}

func TestDeletionWaitsForFinalizers(t *testing.T) {
	api, c := start(t)
	made := newVM()
	made.Finalizers = []string{"a/b"}
	must(t, c.Create(ctx, made))
	if err := c.Delete(ctx, newVM(), client.Preconditions{UID: new(types.UID)}); !apierrors.IsConflict(err) {
		t.Errorf("another's UID: %v", err)
	}
	must(t, c.Delete(ctx, newVM()))
	before := api.Revision()
	must(t, c.Delete(ctx, newVM()))
	going := get(t, c)
	if going.DeletionTimestamp == nil || going.Generation != 2 || api.Revision() != before {
		t.Fatalf("going %+v", going)
	}
	if err := c.Patch(ctx, newVM(), patch(`{"metadata":{"finalizers":["a/b","c/d"]}}`)); err == nil {
		t.Error("a finalizer was added to what is going")
	}
	must(t, c.Patch(ctx, newVM(), patch(`{"metadata":{"finalizers":null}}`)))
	if err := c.Get(ctx, client.ObjectKeyFromObject(going), newVM()); !apierrors.IsNotFound(err) {
		t.Errorf("gone: %v", err)
	}
	c.ReadAt(func() int64 { return before })
	if past := get(t, c); past.DeletionTimestamp == nil {
		t.Error("the past has changed")
	}
	c.ReadAt(nil)
	api.Forget()
	must(t, c.Create(ctx, newVM()))
	if again := get(t, c); again.UID == going.UID {
		t.Error("a new object has an old UID")
	}
}

func TestNamespacesAreEmptiedFirst(t *testing.T) {
	api, c := start(t)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "n"}}
	cm := func() *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "c"}}
	}
	if err := c.Create(ctx, cm()); !apierrors.IsNotFound(err) {
		t.Errorf("nowhere: %v", err)
	}
	must(t, c.Create(ctx, ns))
	must(t, c.Create(ctx, cm()))
	must(t, c.Delete(ctx, ns))
	other := cm()
	other.Name = "d"
	if err := c.Create(ctx, other); !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("in what is going: %v", err)
	}
	if err := c.Get(ctx, client.ObjectKey{Name: "n"}, &corev1.Namespace{}); err != nil {
		t.Errorf("it went before its content: %v", err)
	}
	for range 3 {
		api.Sweep()
	}
	var left corev1.ConfigMapList
	must(t, c.List(ctx, &left))
	if err := c.Get(ctx, client.ObjectKey{Name: "n"}, &corev1.Namespace{}); !apierrors.IsNotFound(err) || len(left.Items) > 0 {
		t.Errorf("left: %v, %v", err, left.Items)
	}
}
