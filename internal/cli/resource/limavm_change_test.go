// SPDX-License-Identifier: Apache-2.0

package resource

import "testing"

func TestVMPatch(t *testing.T) {
	no, value := false, "v"
	for _, tt := range []struct {
		patch VMPatch
		want  string
	}{
		{VMPatch{}, `{}`},
		{VMPatch{Running: &no}, `{"spec":{"running":false}}`},
		{VMPatch{Annotation: "a/b", Value: "1"}, `{"metadata":{"annotations":{"a/b":"1"}}}`},
		{VMPatch{Running: &no, Annotation: "a/b", Value: "1"}, `{"metadata":{"annotations":{"a/b":"1"}},"spec":{"running":false}}`},
		{VMPatch{Params: map[string]*string{"k": &value, "gone": nil}}, `{"spec":{"params":{"gone":null,"k":"v"}}}`},
	} {
		if got, err := tt.patch.merge(); err != nil || string(got) != tt.want {
			t.Errorf("got %s, %v, want %s", got, err, tt.want)
		}
	}
}
