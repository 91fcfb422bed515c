// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"rancherdesktop.io/rdd/internal/sshx"
)

// serveShells relays commands to the guest over one connection, which spares each the login. It is
// not the hostagent's own connection, but one that is made after provisioning: the guest's user may
// have been added to groups since. Without the relay, commands log in themselves.
func (a *agent) serveShells(m *machineProcess) {
	listener, err := a.Dir.ListenShells()
	if err != nil {
		a.Log.Warn("commands have to log in to the guest one by one", "error", err)
		return
	}
	link := sshx.NewLink(a.dial)
	m.work.Go(func() {
		defer link.Close()
		if err := sshx.Relay(m.ctx, listener, link.Client); err != nil {
			a.Log.Warn("commands have to log in to the guest one by one", "error", err)
		}
	})
	m.work.Go(func() {
		if _, err := link.Client(m.ctx); err != nil && m.ctx.Err() == nil {
			a.Log.Info("the connection for commands is made later", "error", err)
		}
	})
}
