// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// TestAdoptingWhatHasEnded: a QEMU that ends before it is found is a machine that ended by itself.
func TestAdoptingWhatHasEnded(t *testing.T) {
	_, err := vmdir.In(t.TempDir(), "dev").FindQEMU(vmdir.Record{}, vmdir.Run{})
	if kind := vm.FaultOf(notAdopted(err)).Kind; err == nil || kind != vm.FaultProcessEnded {
		t.Errorf("%v is a fault of kind %s", err, kind)
	}
	if kind := vm.FaultOf(notAdopted(errors.New("no permission"))).Kind; kind != vm.FaultUnknown {
		t.Errorf("another error is a fault of kind %s", kind)
	}
}
