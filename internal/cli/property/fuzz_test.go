// SPDX-License-Identifier: Apache-2.0

package property

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	strictjson "sigs.k8s.io/json"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
)

// FuzzParse: any arguments, one a line, give an error of valid text, or a patch that the App's own
// types can read, without an unknown field and without a value of another type.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"running=true", "running=", "running", "=", ".=", "a.b.c=1", "running.x=1", "namespace=x", "virtualMachine=1",
		"running=true\nrunning=false",
		"virtualMachine.cpus=4\nvirtualMachine.memory=6Gi", "virtualMachine.cpus=-1", "virtualMachine.cpus=4294967296", "virtualMachine.cpus=1e3",
		"virtualMachine.memory=1e999999999999", "virtualMachine.memory=.5Gi", "virtualMachine.memory=+2", "virtualMachine.memory=4GB",
		"containerEngine.name=containerd", "kubernetes.version=\xff", "kubernetes.version=\x00", "virtualMachine.mounts=[]",
		"virtualMachine.mounts=null",
		`virtualMachine.mounts=[{"location":"~/src","writable":true}]`, `virtualMachine.mounts=[{"location":"a","location":"b"}]`,
		`virtualMachine.mounts=[{"Location":"a"}]`, `virtualMachine.mounts=[{"location":1}]`, "virtualMachine.mounts[0].location=/",
		"virtualMachine.mounts=[[[[",
	} {
		f.Add(seed)
	}
	s := appSchema(f)
	f.Fuzz(func(t *testing.T, lines string) {
		patch, err := parse(s, strings.Split(lines, "\n"))
		if err != nil {
			if err.Error() == "" || !utf8.ValidString(err.Error()) {
				t.Fatalf("message %q", err.Error())
			}
			return
		}
		if !json.Valid([]byte(patch)) {
			t.Fatalf("patch %s", patch)
		}
		var spec appv1.AppSpec
		faults, err := strictjson.UnmarshalStrict([]byte(patch), &spec)
		if err != nil || len(faults) > 0 {
			t.Fatalf("patch %s: %v, %v", patch, err, faults)
		}
		if spec.Namespace != "" {
			t.Fatalf("patch %s sets what is fixed", patch)
		}
	})
}
