// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"slices"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestShownForwards(t *testing.T) {
	var shown []vm.Forward
	s := &shownForwards{show: func(all []vm.Forward) { shown = all }}
	a, c := vm.Forward{Protocol: "tcp", Host: "/a", Guest: "g"}, vm.Forward{Protocol: "unix", Host: "/c", Guest: "g"}
	b := vm.Forward{Protocol: "unix", Host: "/b", Guest: "g", Error: "no room"}
	for _, step := range []struct {
		set  func()
		want []vm.Forward
	}{
		{func() { s.setReverse([]vm.Forward{b}) }, []vm.Forward{b}},
		{func() { s.setOpen([]vm.Forward{a, c}) }, []vm.Forward{a, b, c}},
		{func() { s.setOpen([]vm.Forward{a}) }, []vm.Forward{a, b}},
		{func() { s.setReverse(nil) }, []vm.Forward{a}},
	} {
		if step.set(); !slices.Equal(shown, step.want) {
			t.Errorf("got %+v, want %+v", shown, step.want)
		}
	}
}
