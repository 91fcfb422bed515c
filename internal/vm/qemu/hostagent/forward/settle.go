// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"time"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// settled returns the listeners that exist long enough to be forwarded, and after which pause there
// may be more of them.
func (m *Manager) settled() (settled []Listener, pause time.Duration) {
	now, pause := time.Now(), never
	since := map[Listener]time.Time{}
	for _, l := range m.listeners {
		settle := m.config.Settle
		if ownAddress(l) {
			settle *= ownAddressFactor
		} else if l.Proto == template.ProtoTCP || l.Addr.Port() < clientPorts {
			settled = append(settled, l)
			continue
		}
		first, known := m.settling[l]
		if !known {
			first = now
		}
		since[l] = first
		if left := settle - now.Sub(first); left > 0 {
			pause = min(pause, left)
		} else {
			settled = append(settled, l)
		}
	}
	m.settling = since
	return settled, pause
}
