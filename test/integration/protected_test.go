// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// TestProtectedLimaVMs tries each way to delete a protected LimaVM, alone, with others and with its
// namespace. The refusals name it, and nothing beside it is deleted.
func TestProtectedLimaVMs(t *testing.T) {
	e := start(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
	e.must(e.create(namespace.DeepCopy()))
	e.makeVM("other", "guarded", func(vm *limav1.LimaVM) { vm.Annotations = map[string]string{limav1.AnnotationProtected: "true"} })
	vm := newVM("other", "guarded", "", nil)
	sentence := `cannot delete LimaVM "guarded": it is protected; to end the protection: rdd limavm unprotect guarded`
	for name, options := range deletions {
		t.Run(name, func(t *testing.T) {
			e := e.in(t)
			e.mustRefuse(e.user.Delete(context.Background(), vm.DeepCopy(), options...), sentence)
			e.mustRefuse(e.user.Delete(context.Background(), namespace.DeepCopy(), options...),
				`cannot delete namespace "other": it has protected LimaVMs: guarded; to end the protection: rdd limavm unprotect guarded`)
		})
	}
	e.mustRefuse(e.user.DeleteAllOf(context.Background(), &limav1.LimaVM{}, client.InNamespace("other")), sentence)
	e.mustRefuse(e.user.DeleteAllOf(context.Background(), &limav1.LimaVM{}, client.InNamespace("other"), client.DryRunAll), sentence)
	patch := func(patch string) error {
		return e.user.Patch(context.Background(), vm.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
	}
	e.mustRefuse(patch(`{"metadata":{"finalizers":null}}`), "finalizer")
	if found := e.limaVM("other", "guarded"); found.DeletionTimestamp != nil || len(found.Finalizers) == 0 {
		t.Fatalf("it is being deleted: %+v", found.ObjectMeta)
	}
	if e.configMap("other", "guarded-template").DeletionTimestamp != nil {
		t.Fatal("its template is being deleted")
	}
	e.must(patch(`{"metadata":{"annotations":{"` + limav1.AnnotationProtected + `":null}}}`))
	e.must(e.user.Delete(context.Background(), namespace.DeepCopy()))
	e.waitDeleted("other", "guarded", &limav1.LimaVM{}, &limav1.LimaVMList{})
}
