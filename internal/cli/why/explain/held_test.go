// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

func setBy(manager, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(fields)}
}

func TestHeldBy(t *testing.T) {
	at := ago(time.Minute)
	source := func(finalizers ...string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "dev", DeletionTimestamp: &at, Finalizers: finalizers,
			ManagedFields: []metav1.ManagedFieldsEntry{
				setBy("rdd", `{"f:data":{"f:template":{}}}`), {Manager: "none"}, setBy("bad", `[`),
				setBy("backup", `{"f:metadata":{"f:finalizers":{".":{},"v:\"example.com/hold\"":{}}}}`),
			},
		}}
	}
	stays := source("example.com/hold")
	stays.DeletionTimestamp = nil
	hold := Held{Object: `ConfigMap "default/dev"`, Resource: "configmap/dev -n default", Finalizer: "example.com/hold", Manager: "backup"}
	other := hold
	other.Finalizer, other.Manager = "other", ""
	own := hold
	own.Finalizer, own.Manager = limav1.FinalizerCleanup, "" // on a ConfigMap it is nobody's that rdd knows
	for _, tt := range []struct {
		name string
		kind string
		obj  metav1.Object
		want []Held
	}{
		{name: "not deleted", kind: "ConfigMap", obj: stays},
		{name: "by nobody", kind: "ConfigMap", obj: source()},
		{
			name: "by rdd and the deletion itself", kind: "ConfigMap",
			obj: source(limav1.FinalizerOwnedByLimaVM, appv1.FinalizerOwnedByApp, "orphan", "foregroundDeletion"),
		},
		{
			name: "by others", kind: "ConfigMap",
			obj: source(limav1.FinalizerOwnedByLimaVM, "example.com/hold", "other"), want: []Held{hold, other},
		},
		{name: "by what is rdd's elsewhere", kind: "ConfigMap", obj: source(limav1.FinalizerCleanup), want: []Held{own}},
		{name: "a LimaVM by its controller", kind: kindLimaVM, obj: source(limav1.FinalizerCleanup)},
	} {
		if got := HeldBy(tt.kind, "configmap", tt.obj); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "x", DeletionTimestamp: &at, Finalizers: []string{"a/b"}}}
	got := HeldBy("Namespace", "namespace", namespace)
	if len(got) != 1 || got[0].Object != `Namespace "x"` || got[0].Resource != "namespace/x" {
		t.Errorf("a namespace: %+v", got)
	}
}

// TestHeldDeletions: what goes with an object may hold its deletion.
func TestHeldDeletions(t *testing.T) {
	at := ago(time.Minute)
	deletedApp := app(metav1.ConditionFalse, appv1.ReasonDeleting, `waiting for Namespace "work" to be gone`)
	deletedApp.DeletionTimestamp = &at
	deleted := with(dev(made, down), func(vm *limav1.LimaVM) { vm.DeletionTimestamp = &at })
	held := []Held{
		{Object: `Secret "work/a"`, Resource: "secrets/a -n work", Finalizer: "example.com/hold", Manager: "backup"},
		{Object: `Namespace "work"`, Resource: "namespace/work", Finalizer: "other"},
	}
	vm := func(f *Facts) { f.HeldVM = held }
	whole := func(f *Facts) { f.HeldApp = held }
	const also = `also the finalizer "other" of Namespace "work": rdd ctl edit namespace/work`
	checkCauses(t, []causeCase{
		{
			"a LimaVM", but(about(deleted), vm),
			wanted{
				CodeFinalizer, true, `The deletion of LimaVM "dev" waits for the finalizer "example.com/hold" of Secret "work/a", which is not rdd's.`,
				"let whoever set it (by backup) finish, or remove it: rdd ctl edit secrets/a -n work", also,
			},
		},
		{
			"the App", but(aboutApp(deletedApp, nil), whole),
			wanted{
				CodeFinalizer, true, `The deletion of the App waits for the finalizer "example.com/hold" of Secret "work/a", which is not rdd's.`,
				"let whoever set it (by backup) finish", also,
			},
		},
		{
			"an App that cannot begin", but(aboutApp(app(metav1.ConditionFalse, appv1.ReasonWaitingForLimaVM, "waiting"), nil), whole),
			wanted{
				CodeFinalizer, true, `The App has no LimaVM yet: the deletion of what was there before waits for the finalizer "example.com/hold"`,
				"secrets/a -n work", also,
			},
		},
	})
}
