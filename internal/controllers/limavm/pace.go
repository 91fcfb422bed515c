// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// pace spaces out the status writes that change nothing but messages and forwarded ports, so that
// progress, and ports that come and go, are no storm of writes. It belongs to one worker per
// object.
type pace struct {
	last shared[types.UID, time.Time]
}

// wait returns how long to wait before writing want; 0: write now.
func (p *pace) wait(vm *limav1.LimaVM, want limav1.LimaVMStatus, now time.Time) time.Duration {
	if equality.Semantic.DeepEqual(vm.Status, want) {
		return 0
	}
	if last, ok := p.last.get(vm.UID); ok && detailsOnly(vm.Status, want) {
		if wait := last.Add(messageInterval).Sub(now); wait > 0 {
			return wait
		}
	}
	p.last.set(vm.UID, now)
	return 0
}

func detailsOnly(have, want limav1.LimaVMStatus) bool {
	return equality.Semantic.DeepEqual(withoutDetails(have), withoutDetails(want))
}

func withoutDetails(s limav1.LimaVMStatus) limav1.LimaVMStatus {
	s = *s.DeepCopy()
	s.PortForwards = nil
	for i := range s.Conditions {
		s.Conditions[i].Message = ""
	}
	return s
}
