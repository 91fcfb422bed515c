// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"net"
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

// TestAdoptingWhatIsEnding: a QEMU that is ending still owns its socket and has no command line any
// more, so it looks like another program.
func TestAdoptingWhatIsEnding(t *testing.T) {
	dir := vmdir.Dir(t.TempDir())
	listener, err := net.Listen("unix", dir.QMPSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	a := &agent{Config: Config{Dir: dir}, state: &runRecorder{}}
	_, err = a.findQEMU()
	if kind := vm.FaultOf(notAdopted(err)).Kind; err == nil || kind != vm.FaultProcessEnded {
		t.Errorf("%v is a fault of kind %s", err, kind)
	}
}
