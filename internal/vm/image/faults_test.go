// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
)

// TestFaults is the table of the faults that errors about images carry.
func TestFaults(t *testing.T) {
	gone, busy := &UnavailableError{Location: "x", Reason: "404"}, &UnavailableError{Location: "x", Reason: "503", Temporary: true}
	wrong, host := &DigestError{Location: "x"}, &vm.HostError{Missing: "xz"}
	for name, tc := range map[string]struct {
		err  error
		want vm.FaultKind
	}{
		"not there":                    {gone, vm.FaultImageMissing},
		"busy":                         {busy, vm.FaultImage},
		"broke off":                    {&InterruptedError{Location: "x", Err: errors.New("reset")}, vm.FaultImage},
		"another file":                 {wrong, vm.FaultImageInvalid},
		"no disk":                      {&FormatError{Location: "x"}, vm.FaultImageInvalid},
		"a step of the build":          {fmt.Errorf("building image x: %w", &StepError{Err: errors.New("exit status 1")}), vm.FaultImage},
		"none, one passing":            {&SourcesError{Errs: []error{busy, gone}}, vm.FaultImage},
		"none, none passing":           {&SourcesError{Errs: []error{gone, gone}}, vm.FaultImageMissing},
		"none, as the last is wrong":   {&SourcesError{Errs: []error{gone, wrong}}, vm.FaultImageInvalid},
		"none, as the host lacks some": {&SourcesError{Errs: []error{gone, host}}, vm.FaultHost},
	} {
		f := vm.FaultOf(tc.err)
		if f.Kind != tc.want || f.Text != tc.err.Error() {
			t.Errorf("%s: got %+v, want %s", name, *f, tc.want)
		}
	}
	for hint, err := range map[string]*UnavailableError{
		"make it available there": gone, "": busy, "put the file there": {Err: fs.ErrNotExist}, "let it be read": {Err: fs.ErrPermission},
		"put a regular file there": {Err: &regular.NotRegularError{Path: "x"}},
	} {
		if f := vm.FaultOf(fmt.Errorf("obtaining: %w", err)); f.Hint != hint {
			t.Errorf("%v: hint %q, want %q", err, f.Hint, hint)
		}
	}
	if f := vm.FaultOf(&StepError{Output: "E: no", Err: errors.New("x")}); f.Output != "E: no" {
		t.Errorf("the output of a failed step is lost: %+v", f)
	}
}
