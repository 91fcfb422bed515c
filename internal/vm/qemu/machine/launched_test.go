// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"reflect"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

func TestLaunched(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want vmdir.Run
	}{
		{"a machine", []string{"qemu-system-x86_64", "-accel", "tcg,thread=multi", "-netdev", config("/d").network()},
			vmdir.Run{SSHPort: 2222, OwnSSHPort: 2223, Accelerator: TCG}},
		{"one of an older rdd", []string{"-accel", "kvm", "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22"},
			vmdir.Run{SSHPort: 2222, Accelerator: KVM}},
		{"nothing", []string{"-accel"}, vmdir.Run{}},
	} {
		got := vmdir.Run{SSHPort: 1, OwnSSHPort: 1, Accelerator: "x"}
		if Launched(tc.args, &got); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}
