// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/rules"
)

// stoppedVM returns a LimaVM that can be renamed, changed by changes.
func stoppedVM(changes ...func(*limav1.LimaVM)) *limav1.LimaVM {
	vm := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "dev", UID: "1", Annotations: map[string]string{}, Finalizers: []string{limav1.FinalizerCleanup},
	}}
	vm.Status.Conditions = parseConditions("Created=True/Created", "Running=False/Stopped")
	for _, change := range changes {
		change(vm)
	}
	return vm
}

// renamedVM returns a LimaVM that was created for the machine of another.
func renamedVM(name, from, uid string) limav1.LimaVM {
	return limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Annotations: map[string]string{
		limav1.AnnotationRenameFrom: from, limav1.AnnotationAdoptFrom: uid,
	}}}
}

func TestWhyNotRenamed(t *testing.T) {
	now := metav1.Now()
	controller := true
	conditions := func(texts ...string) func(*limav1.LimaVM) {
		return func(vm *limav1.LimaVM) { vm.Status.Conditions = parseConditions(texts...) }
	}
	for name, tc := range map[string]struct {
		change func(*limav1.LimaVM)
		want   string
	}{
		"stopped":   {func(*limav1.LimaVM) {}, ""},
		"labelled":  {func(vm *limav1.LimaVM) { vm.Labels = map[string]string{"a": "b"} }, ""},
		"the App's": {func(vm *limav1.LimaVM) { vm.Finalizers = append(vm.Finalizers, reconcile.OwnedByPrefix+"App") }, "it is owned by App"},
		"another's": {func(vm *limav1.LimaVM) {
			vm.OwnerReferences = []metav1.OwnerReference{{Kind: "Lab", Name: "x", Controller: &controller}}
		}, "owned by Lab \"x\""},
		"deleted":     {func(vm *limav1.LimaVM) { vm.DeletionTimestamp = &now }, "it is being deleted"},
		"protected":   {func(vm *limav1.LimaVM) { vm.Annotations[limav1.AnnotationProtected] = "true" }, "rdd limavm unprotect dev"},
		"to run":      {func(vm *limav1.LimaVM) { vm.Spec.Running = true }, "rdd limavm stop dev"},
		"new":         {conditions(), "is being made"},
		"in creation": {conditions("Created=Unknown/Pending", "Running=Unknown/Reconciling"), "is being made"},
		"failed":      {conditions("Created=False/CreateFailed: boom", "Running=Unknown/Reconciling"), "is not as it should be"},
		"lost":        {conditions("Created=False/InstanceLost: boom", "Running=Unknown/Reconciling"), "rdd why dev"},
		"running":     {conditions("Created=True/Created", "Running=True/Started"), "has not stopped yet"},
		"paused":      {conditions("Created=True/Created", "Running=False/HostDiskFull"), "has not stopped yet"},
		"stopping":    {conditions("Created=True/Created", "Running=False/Stopping"), "has not stopped yet"},
		"stuck":       {conditions("Created=True/Created", "Running=False/StopFailed"), "has not stopped yet"},
		"in the middle of a renaming": {
			func(vm *limav1.LimaVM) { vm.Annotations[limav1.AnnotationRenameFrom] = "x" }, "by a renaming that is not finished",
		},
	} {
		if got := whyNotRenamed(stoppedVM(tc.change)); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

// listed is a client.Reader of LimaVMs.
type listed struct {
	client.Reader
	all []limav1.LimaVM
}

func (l listed) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*limav1.LimaVMList).Items = l.all
	return nil
}

func TestChangesWhileRenaming(t *testing.T) {
	renaming := []limav1.LimaVM{*stoppedVM(), renamedVM("new", "dev", "1"), renamedVM("other", "devel", "2")}
	run := func(vm *limav1.LimaVM) { vm.Spec.Running = true }
	params := func(vm *limav1.LimaVM) { vm.Spec.Params = map[string]string{"a": "b"} }
	annotate := func(name, value string) func(*limav1.LimaVM) {
		return func(vm *limav1.LimaVM) { vm.Annotations[name] = value }
	}
	from, final := annotate(limav1.AnnotationRenameFrom, "x"), annotate(limav1.AnnotationRenamed, "true")
	other, otherUID := annotate(limav1.AnnotationRenameFrom, "y"), annotate(limav1.AnnotationAdoptFrom, "y")
	for name, tc := range map[string]struct {
		all     []limav1.LimaVM
		old, vm *limav1.LimaVM
		user    string
		want    string
	}{
		"started":                      {renaming, stoppedVM(), stoppedVM(run), "rdd:user", `LimaVM "dev" is being renamed to "new"`},
		"params changed":               {renaming, stoppedVM(), stoppedVM(params), "rdd:user", "rdd limavm rename new dev"},
		"stopped":                      {renaming, stoppedVM(run), stoppedVM(), "rdd:user", ""},
		"labelled":                     {renaming, stoppedVM(), stoppedVM(annotate("a", "b")), "rdd:user", ""},
		"started, nobody renames it":   {renaming[2:], stoppedVM(), stoppedVM(run), "rdd:user", ""},
		"to be renamed by an update":   {nil, stoppedVM(), stoppedVM(from), "rdd:user", "a LimaVM is created with it"},
		"the request is removed":       {nil, stoppedVM(from), stoppedVM(), "rdd:user", "cannot change annotation"},
		"another former LimaVM":        {nil, stoppedVM(from), stoppedVM(other), "rdd:user", "cannot change"},
		"another UID":                  {nil, stoppedVM(from), stoppedVM(from, otherUID), "rdd:user", "cannot change"},
		"marked by somebody":           {nil, stoppedVM(from), stoppedVM(from, final), "rdd:user", "cannot change"},
		"marked by the controller":     {nil, stoppedVM(from), stoppedVM(from, final), rules.ControllerName(Name), ""},
		"finished by the controller":   {nil, stoppedVM(from, final), stoppedVM(), rules.ControllerName(Name), ""},
		"something else":               {nil, stoppedVM(from), stoppedVM(from, annotate("a", "b")), "rdd:user", ""},
		"an adoption that is not this": {nil, stoppedVM(), stoppedVM(otherUID), "rdd:user", ""},
	} {
		req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{UserInfo: authenticationv1.UserInfo{Username: tc.user}}}
		v := limaVMValidator{validator{reader: listed{all: tc.all}}}
		err := v.checkWhileRenaming(admission.NewContextWithRequest(t.Context(), req), tc.old, tc.vm)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProtectionDoesNotHoldUpTheController: it deletes the former LimaVM of a renaming.
func TestProtectionDoesNotHoldUpTheController(t *testing.T) {
	vm := stoppedVM(func(vm *limav1.LimaVM) { vm.Annotations[limav1.AnnotationProtected] = "true" })
	for user, refused := range map[string]bool{rules.ControllerName(Name): false, rules.ControllerName("app"): true, "rdd:user": true} {
		req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{UserInfo: authenticationv1.UserInfo{Username: user}}}
		_, err := protectionGuard{}.ValidateDelete(admission.NewContextWithRequest(t.Context(), req), vm)
		if (err != nil) != refused {
			t.Errorf("%s: %v", user, err)
		}
	}
}

func TestNextOf(t *testing.T) {
	all := []limav1.LimaVM{renamedVM("a", "dev", "2"), renamedVM("b", "other", "1"), *stoppedVM(), renamedVM("c", "dev", "1")}
	if next := nextOf(all, "dev", "1"); next == nil || next.Name != "c" {
		t.Errorf("got %+v", next)
	}
	if next := nextOf(all, "dev", types.UID("")); next != nil {
		t.Errorf("got %+v for no UID", next)
	}
}
