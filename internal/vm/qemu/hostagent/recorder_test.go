// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"fmt"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestChanges(t *testing.T) {
	a := vm.Forward{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "0.0.0.0:80"}
	failed := a
	failed.Error = "taken"
	b := vm.Forward{Protocol: "udp", Host: "127.0.0.1:53", Guest: "0.0.0.0:53"}
	for _, tc := range []struct {
		name          string
		before, after []vm.Forward
		want          string
	}{
		{"nothing", nil, nil, ""},
		{"the same", []vm.Forward{a, b}, []vm.Forward{b, a}, ""},
		{"new", nil, []vm.Forward{a, b}, "forwarding 127.0.0.1:80 forwarding 127.0.0.1:53"},
		{"gone", []vm.Forward{a, b}, []vm.Forward{b}, "stopping 127.0.0.1:80"},
		{"fails", nil, []vm.Forward{failed}, "failed 127.0.0.1:80"},
		{"works at last", []vm.Forward{failed}, []vm.Forward{a}, "forwarding 127.0.0.1:80"},
		{"never worked, gone", []vm.Forward{failed}, nil, ""},
	} {
		var got []string
		for _, change := range changes(tc.before, tc.after) {
			got = append(got, fmt.Sprintf("%s %s", change.Type, change.HostAddr))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}
