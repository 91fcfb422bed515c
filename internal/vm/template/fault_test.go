// SPDX-License-Identifier: Apache-2.0

package template

import (
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestErrorsAreFaultsOfTheSpec(t *testing.T) {
	for text, field := range map[string]string{
		"- a\n": "", "cpus: 0.5\n": "cpus", "images: [{location: rdd:docker}]\nvmType: vz\n": "vmType",
	} {
		_, err := Load([]byte(text), nil, testHost)
		if f := vm.FaultOf(err); f == nil || f.Kind != vm.FaultSpec || f.Field != field || f.Text != err.Error() {
			t.Errorf("%q: got %+v, want field %q", text, f, field)
		}
	}
}
