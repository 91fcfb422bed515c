// SPDX-License-Identifier: Apache-2.0

package daemon

import "k8s.io/klog/v2"

// upkeep is what a daemon does besides its work, and tries again later. It may fail for hours, on a
// full disk for instance: each failure is logged once until it is over.
type upkeep struct{ failing map[string]bool }

// report takes the outcome of one try.
func (u *upkeep) report(doing string, err error) {
	switch {
	case err == nil:
		delete(u.failing, doing)
	case !u.failing[doing]:
		if u.failing == nil {
			u.failing = map[string]bool{}
		}
		u.failing[doing] = true
		klog.ErrorS(err, "The daemon goes on without it, and tries again", "failed", doing)
	}
}
