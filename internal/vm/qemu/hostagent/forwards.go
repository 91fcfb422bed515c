// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"cmp"
	"slices"
	"sync"

	"rancherdesktop.io/rdd/internal/vm"
)

// shownForwards puts together what the state shows of forwards: those into the guest, and the
// sockets of the guest that should lead to the host and do not.
type shownForwards struct {
	show func([]vm.Forward)

	mu            sync.Mutex
	open, reverse []vm.Forward
}

// setOpen replaces the forwards into the guest.
func (s *shownForwards) setOpen(all []vm.Forward) { s.set(&s.open, all) }

// setReverse replaces the sockets of the guest that do not lead to the host.
func (s *shownForwards) setReverse(all []vm.Forward) { s.set(&s.reverse, all) }

func (s *shownForwards) set(part *[]vm.Forward, all []vm.Forward) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*part = slices.Clone(all)
	both := slices.Concat(s.open, s.reverse)
	slices.SortStableFunc(both, func(a, b vm.Forward) int { return cmp.Compare(a.Host, b.Host) })
	s.show(both)
}
