// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"errors"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// An instance is handed over even to an owner whose template does not fit it, who may want to
// delete it.
func TestHandOverComesBeforeTheTemplate(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	s := spec(string(replace("20GiB", "10GiB")))
	s.AdoptFrom, s.Owner = s.Owner.UID, vm.Owner{UID: "heir", Namespace: "default", Name: s.Name}
	s.Incarnation = "of the heir"

	var invalid *vm.InvalidSpecError
	if err := e.Apply(t.Context(), s); !errors.As(err, &invalid) || invalid.Field != "disk" {
		t.Errorf("a disk that shrinks was not refused: %v", err)
	}
	state, err := e.Observe(t.Context(), s.Name)
	if err != nil || state.Owner != s.Owner || state.Incarnation != s.Incarnation {
		t.Errorf("the heir got nothing: %+v, %v", state, err)
	}
	record, err := vmdir.In(h.home, s.Name).ReadRecord()
	if err != nil || record.Spec.Revision != spec(guestTemplate).Revision {
		t.Errorf("the spec on disk was changed: %+v, %v", record.Spec, err)
	}
	if err := e.Delete(t.Context(), s.Owner, s.Name); err != nil {
		t.Fatalf("the heir cannot delete it: %v", err)
	}
	await(t, e, "gone", deleted)
}
