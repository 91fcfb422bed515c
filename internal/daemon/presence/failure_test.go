// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/instance"
)

func TestFailure(t *testing.T) {
	inst := instance.Instance{Dir: t.TempDir()}
	expect := func(want ...string) {
		t.Helper()
		got, err := LastFailure(inst)
		if err != nil || (got == nil) != (want == nil) || got != nil && !slices.Equal(got.Lines, want) {
			t.Errorf("got %+v, %v, want %q", got, err, want)
		}
	}
	expect()
	if err := ForgetFailure(inst); err != nil {
		t.Errorf("forgetting nothing: %v", err)
	}
	at := time.Unix(1000, 0).UTC()
	for _, failure := range []error{errors.New("an earlier one"), errors.New("the store is damaged\nand \xffso on\n")} {
		if err := NewFailure(at, failure).Save(inst); err != nil {
			t.Fatal(err)
		}
	}
	expect("the store is damaged", "and so on")
	if got, err := LastFailure(inst); err != nil || !got.Time.Equal(at) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := os.WriteFile(FailureFile(inst), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := LastFailure(inst); got != nil || err == nil || !strings.Contains(err.Error(), FailureFile(inst)) {
		t.Errorf("a damaged file: %+v, %v", got, err)
	}
	if err := ForgetFailure(inst); err != nil {
		t.Error(err)
	}
	expect()
}
