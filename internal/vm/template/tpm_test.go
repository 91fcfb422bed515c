// SPDX-License-Identifier: Apache-2.0

package template

import (
	"errors"
	"slices"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestTPM(t *testing.T) {
	for text, want := range map[string]bool{"tpm: true\n": true, "tpm: false\n": false, "tpm: null\n": false, "": false} {
		if got, err := Load([]byte(minimal+text), nil, testHost); err != nil || got.TPM != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, arch := range architectures {
		_, err := Load([]byte("images: [{location: /x}]\ntpm: true\narch: "+arch+"\n"), nil, testHost)
		var invalid *vm.InvalidSpecError
		if refused := errors.As(err, &invalid) && invalid.Field == "tpm"; refused != slices.Contains(noTPM, arch) {
			t.Errorf("%s: %v", arch, err)
		}
	}
}
