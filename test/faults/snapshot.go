// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// snapshot describes all objects and instances, without values that differ from run to run. starts
// is how often machines have reached Running.
func (h *harness) snapshot() (text string, starts int64, err error) {
	uids := map[string]string{"": "none"}
	versions := map[string]string{}
	for _, o := range h.seen {
		uids[string(o.GetUID())] = fmt.Sprintf("%T %s", o, o.GetName())
		versions[client.ObjectKeyFromObject(o).String()] = o.GetResourceVersion()
	}
	var lines []string
	for _, o := range h.seen {
		if limaVM, ok := o.(*limav1.LimaVM); ok {
			starts += limaVM.Status.RestartCount
		}
		line, err := describe(o, uids, versions)
		if err != nil {
			return "", 0, err
		}
		lines = append(lines, line)
	}
	for _, name := range h.world.Names() {
		s, _ := h.world.Peek(name)
		owner := known(uids, s.Owner.UID)
		if s.Owner.UID == strangerUID {
			owner = "a stranger"
		}
		lines = append(lines, fmt.Sprintf("instance %s of %q: %s, up to date %v, as reset %v, failure %v", name, owner,
			s.Phase, s.RunningRevision == "" || s.RunningRevision == s.Revision, h.asReset(s), s.Failure))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), starts, nil
}

// asReset reports whether an instance is of the incarnation of its LimaVM's last reset.
func (h *harness) asReset(s vm.State) bool {
	for _, o := range h.seen {
		if limaVM, ok := o.(*limav1.LimaVM); ok && string(limaVM.UID) == s.Owner.UID {
			return limaVM.Status.LastResetRequest == s.Incarnation
		}
	}
	return true
}

func known(uids map[string]string, uid string) string {
	if name, ok := uids[uid]; ok {
		return name
	}
	return "nobody (dangling)"
}

// describe returns an object as JSON. References are resolved to names, and values that differ from
// run to run are replaced.
func describe(o client.Object, uids, versions map[string]string) (string, error) {
	o = o.DeepCopyObject().(client.Object)
	var conditions []metav1.Condition
	switch x := o.(type) {
	case *appv1.App:
		conditions = x.Status.Conditions
		x.Status.NamespaceUID = known(uids, x.Status.NamespaceUID)
		x.Status.ContainerEngine.RestartCount = 0
	case *limav1.LimaVM:
		conditions = x.Status.Conditions
		if from := x.Annotations[limav1.AnnotationAdoptFrom]; from != "" && from != strangerUID {
			x.Annotations[limav1.AnnotationAdoptFrom] = known(uids, from)
		}
		describeStatus(&x.Status, versions[x.Namespace+"/"+x.Status.TemplateConfigMap])
	}
	slices.SortFunc(conditions, func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) }) // several write them
	for i := range conditions {
		conditions[i].LastTransitionTime = metav1.Time{}
		conditions[i].ObservedGeneration -= o.GetGeneration() // 0 is the present generation
	}
	refs := o.GetOwnerReferences()
	for i := range refs {
		refs[i].UID = types.UID("of " + known(uids, string(refs[i].UID)))
	}
	o.SetOwnerReferences(refs)
	deleting := o.GetDeletionTimestamp() != nil
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetGeneration(0)
	o.SetCreationTimestamp(metav1.Time{})
	o.SetManagedFields(nil)
	data, err := json.Marshal(o)
	return fmt.Sprintf("%T deleting %v: %s", o, deleting, data), err
}

// describeStatus replaces the values that differ from run to run.
func describeStatus(st *limav1.LimaVMStatus, templateVersion string) {
	switch st.ObservedTemplateResourceVersion {
	case "":
	case templateVersion:
		st.ObservedTemplateResourceVersion = "current"
	default:
		st.ObservedTemplateResourceVersion = "older"
	}
	st.RestartCount, st.LastStartID = 0, ""
	if st.LastResetFrom != nil {
		st.LastResetFrom = new("some") // the first of several requests replaces another instance than the last
	}
	requests := []*string{&st.LastRestartRequest, &st.LastResetRequest, &st.LastRetryRequest, &st.LastForceStop, &st.InstanceReset}
	for _, request := range requests {
		if *request != "" {
			*request = "some"
		}
	}
	if st.BootID != "" {
		st.BootID = "some"
	}
	if st.SSHLocalPort != 0 {
		st.SSHLocalPort = 1
	}
	if st.Failure != nil {
		st.Failure.At = metav1.Time{}
	}
}
