// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

func TestScriptFault(t *testing.T) {
	for _, tc := range []struct {
		script, code, output string
		want                 vm.Fault
	}{
		{vm.ScriptBoot, "4", "no", vm.Fault{ExitCode: 4, Text: "the guest's boot script failed with exit code 4: no"}},
		{vm.ScriptProvision, "killed", "a\nb", vm.Fault{
			ExitCode: -1, Text: "the guest's provision script failed with exit code killed: a\nb",
		}},
	} {
		tc.want.Kind, tc.want.Field, tc.want.Output = vm.FaultScript, tc.script, tc.output
		if got := scriptFault(tc.script, tc.code, tc.output); *got != tc.want {
			t.Errorf("got %+v, want %+v", *got, tc.want)
		}
	}
}

func TestProbeFault(t *testing.T) {
	probe := template.Probe{Description: "docker answers", Hint: "look at systemctl"}
	for _, tc := range []struct {
		last result
		want vm.Fault
	}{
		{result{}, vm.Fault{Text: "probes[1] (docker answers) has not passed: ; look at systemctl"}},
		{result{ended: true, code: 3, output: "refused"}, vm.Fault{
			ExitCode: 3, Output: "refused", Text: "probes[1] (docker answers) has not passed: exit code 3: refused; look at systemctl",
		}},
	} {
		tc.want.Kind, tc.want.Field, tc.want.Hint = vm.FaultProbe, "probes[1]", probe.Hint
		if got := probeFault(1, probe, tc.last); *got != tc.want {
			t.Errorf("got %+v, want %+v", *got, tc.want)
		}
	}
}
