// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

// carrying is an error of another package that carries a fault.
type carrying struct{ fault Fault }

func (c *carrying) Error() string { return "carrying" }
func (c *carrying) Fault() *Fault { return &c.fault }

func TestFaultOf(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/d", Err: syscall.ENOSPC}
	host := &HostError{Missing: "qemu", Hint: "apt"}
	const lacks = "this host lacks qemu; to cure it: apt"
	lacking := func(text string) Fault { return Fault{Kind: FaultHost, Missing: "qemu", Hint: "apt", Text: text} }
	carried := &carrying{Fault{Kind: FaultImage, Output: "o"}}
	unknown := &Fault{Kind: FaultUnknown, Text: "y"}
	for name, tc := range map[string]struct {
		err  error
		want Fault
	}{
		"a spec":            {&InvalidSpecError{Field: "cpus", Reason: "no"}, Fault{Kind: FaultSpec, Field: "cpus", Text: "field `cpus` no"}},
		"a spec, no field":  {&InvalidSpecError{Reason: "no"}, Fault{Kind: FaultSpec, Text: "no"}},
		"a name":            {&NameTakenError{Name: "x"}, Fault{Kind: FaultNameTaken, Text: (&NameTakenError{Name: "x"}).Error()}},
		"a host":            {host, lacking(lacks)},
		"wrapped":           {fmt.Errorf("building: %w", host), lacking("building: " + lacks)},
		"joined":            {errors.Join(errors.New("one"), host), lacking("one\n" + lacks)},
		"the first of two":  {errors.Join(&Fault{Kind: FaultBoot, Text: "boot"}, host), Fault{Kind: FaultBoot, Text: "boot\n" + lacks}},
		"carried":           {fmt.Errorf("x: %w", carried), Fault{Kind: FaultImage, Output: "o", Text: "x: carrying"}},
		"the outermost":     {WithKind(FaultBoot, fmt.Errorf("x: %w", unknown)), Fault{Kind: FaultBoot, Text: "x: y"}},
		"itself":            {&Fault{Kind: FaultPort, Text: "taken"}, Fault{Kind: FaultPort, Text: "taken"}},
		"a full disk":       {fmt.Errorf("writing: %w", full), Fault{Kind: FaultDiskFull, Text: "writing: write /d: no space left on device"}},
		"a full quota":      {syscall.EDQUOT, Fault{Kind: FaultDiskFull, Text: syscall.EDQUOT.Error()}},
		"anything else":     {errors.New("boom"), Fault{Kind: FaultUnknown, Text: "boom"}},
		"given a kind":      {WithKind(FaultImage, errors.New("boom")), Fault{Kind: FaultImage, Text: "boom"}},
		"keeps its kind":    {WithKind(FaultImage, host), lacking(lacks)},
		"keeps a full disk": {WithKind(FaultImage, full), Fault{Kind: FaultDiskFull, Text: full.Error()}},
	} {
		if got := FaultOf(tc.err); *got != tc.want {
			t.Errorf("%s: got %+v, want %+v", name, *got, tc.want)
		}
	}
	if f := FaultOf(nil); f != nil {
		t.Errorf("nil has a fault: %+v", f)
	}
	if err := WithKind(FaultImage, nil); err != nil {
		t.Errorf("nil became %v", err)
	}
	if err := WithKind(FaultImage, fmt.Errorf("x: %w", fs.ErrExist)); !errors.Is(err, fs.ErrExist) {
		t.Error("a kind hides what an error wraps")
	}
}

func TestFaultOfLeavesTheCarrierAlone(t *testing.T) {
	c := &carrying{Fault{Kind: FaultImage}}
	if f := FaultOf(c); f.Text != "carrying" || c.fault.Text != "" {
		t.Errorf("got %+v, the carrier has %+v", f, c.fault)
	}
}

// TestRetryable is the table of what is tried again soon.
func TestRetryable(t *testing.T) {
	want := map[FaultKind]bool{
		FaultSpec: false, FaultNameTaken: false, FaultHost: false, FaultDiskFull: false,
		FaultImage: true, FaultImageMissing: false, FaultImageInvalid: false,
		FaultBoot: true, FaultScript: true, FaultProbe: true, FaultPort: true, FaultProcessEnded: true,
		FaultBroken: false, FaultUnknown: true,
	}
	for _, kind := range FaultKinds() {
		again, ok := want[kind]
		if !ok || kind.Retryable() != again {
			t.Errorf("%s: retryable %t; in the table: %t", kind, kind.Retryable(), ok)
		}
		if err := fmt.Errorf("x: %w", &Fault{Kind: kind, Text: "y"}); Retryable(err) != again {
			t.Errorf("an error of kind %s: retryable %t", kind, !again)
		}
	}
	if len(want) != len(FaultKinds()) {
		t.Errorf("the table has %d kinds, there are %d", len(want), len(FaultKinds()))
	}
	if !FaultKind("OfANewerVersion").Retryable() || !Retryable(errors.New("boom")) {
		t.Error("what is not known is worth another try")
	}
}

func TestFaultEncodesWithoutLoss(t *testing.T) {
	for _, want := range []Fault{
		{Kind: FaultUnknown},
		{Kind: FaultScript, Field: ScriptProvision, Missing: "m", Hint: "h", ExitCode: 3, Output: "a\nb", Text: "t"},
	} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Fault
		if err := json.Unmarshal(data, &got); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if data, err := json.Marshal(&Fault{Kind: FaultBoot}); err != nil || string(data) != `{"kind":"Boot"}` {
		t.Errorf("zero values are written: %s, %v", data, err)
	}
}

func TestSummary(t *testing.T) {
	for _, tc := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Kind: FaultHost, Missing: "qemu", Hint: "apt", Text: "x: this host lacks qemu; to cure it: apt"}, "this host lacks qemu"},
		{Fault{Kind: FaultHost, Text: "no KVM"}, "no KVM"},
		{
			Fault{Kind: FaultScript, Field: ScriptProvision, ExitCode: 2, Output: "a\nb", Text: "t"},
			"a provisioning script failed with exit code 2\na\nb",
		},
		{Fault{Kind: FaultScript, Field: ScriptBoot, ExitCode: 2, Text: "t"}, "a script that prepares the boot failed with exit code 2"},
		{Fault{Kind: FaultScript, Text: "waiting for a script"}, "waiting for a script"},
		{Fault{Kind: FaultBoot, Text: "the guest does not boot: x\ny"}, "the guest does not boot: x\ny"},
	} {
		if got := tc.fault.Summary(); got != tc.want {
			t.Errorf("%+v: got %q, want %q", tc.fault, got, tc.want)
		}
	}
}
