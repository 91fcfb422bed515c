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
)

// snapshot describes objects and instances without what differs from run to run, and
// says how often the machine has reached Running.
func (h *harness) snapshot() (text string, starts int64, err error) {
	uids := map[string]string{"": "none"}
	versions := map[string]string{}
	for _, o := range h.seen {
		uids[string(o.GetUID())] = fmt.Sprintf("%T %s", o, o.GetName())
		versions[client.ObjectKeyFromObject(o).String()] = o.GetResourceVersion()
	}
	var lines []string
	for _, o := range h.seen {
		if vm, ok := o.(*limav1.LimaVM); ok {
			starts += vm.Status.RestartCount
		}
		line, err := describe(o, uids, versions)
		if err != nil {
			return "", 0, err
		}
		lines = append(lines, line)
	}
	for _, name := range h.world.Names() {
		s, _ := h.world.Peek(name)
		lines = append(lines, fmt.Sprintf("instance %s of %q: %s, up to date %v, failure %v",
			name, known(uids, s.Owner.UID), s.Phase, s.RunningRevision == "" || s.RunningRevision == s.Revision, s.Failure))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), starts, nil
}

func known(uids map[string]string, uid string) string {
	if name, ok := uids[uid]; ok {
		return name
	}
	return "nobody (dangling)"
}

// describe writes an object as JSON, with references resolved and volatile values judged.
func describe(o client.Object, uids, versions map[string]string) (string, error) {
	o = o.DeepCopyObject().(client.Object)
	var conditions []metav1.Condition
	switch x := o.(type) {
	case *appv1.App:
		conditions = x.Status.Conditions
		x.Status.NamespaceUID = known(uids, x.Status.NamespaceUID)
	case *limav1.LimaVM:
		conditions = x.Status.Conditions
		describeStatus(&x.Status, versions[x.Namespace+"/"+x.Status.TemplateConfigMap])
	}
	for i := range conditions {
		conditions[i].LastTransitionTime = metav1.Time{}
		conditions[i].ObservedGeneration -= o.GetGeneration() // 0: speaks of the present one
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

// describeStatus judges what has another value in each run.
func describeStatus(st *limav1.LimaVMStatus, templateVersion string) {
	if st.ObservedTemplateResourceVersion == templateVersion {
		st.ObservedTemplateResourceVersion = "current"
	}
	st.RestartCount, st.LastStartID = 0, ""
	if st.BootID != "" {
		st.BootID = "some"
	}
	if st.SSHLocalPort != 0 {
		st.SSHLocalPort = 1
	}
}
