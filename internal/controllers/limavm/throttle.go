// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// statusThrottle delays status writes that change only details: messages and forwarded ports. It
// limits them to one in each messageInterval for a LimaVM, whose progress and ports may change many
// times a second. Different LimaVMs may be reconciled at the same time.
type statusThrottle struct {
	lastWrite shared[types.UID, time.Time]
}

// delay returns how long to wait before writing want; 0 means that it is written now, which delay
// records.
func (t *statusThrottle) delay(vm *limav1.LimaVM, want limav1.LimaVMStatus, now time.Time) time.Duration {
	if equality.Semantic.DeepEqual(vm.Status, want) {
		return 0
	}
	if last, ok := t.lastWrite.get(vm.UID); ok && detailsOnly(vm.Status, want) {
		if wait := reconcile.Until(last, messageInterval, now); wait > 0 {
			return wait
		}
	}
	t.lastWrite.set(vm.UID, now)
	return 0
}

func detailsOnly(have, want limav1.LimaVMStatus) bool {
	return equality.Semantic.DeepEqual(withoutDetails(have), withoutDetails(want))
}

func withoutDetails(s limav1.LimaVMStatus) limav1.LimaVMStatus {
	s = *s.DeepCopy()
	s.PortForwards = nil
	if s.Failure != nil { // its text may differ from one attempt to the next
		s.Failure.Message, s.Failure.Hint, s.Failure.At = "", "", metav1.Time{}
	}
	for i := range s.Conditions {
		s.Conditions[i].Message = ""
	}
	return s
}
