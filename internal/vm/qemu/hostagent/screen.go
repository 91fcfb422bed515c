// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// vncPasswordLength is how many characters VNC compares of a password.
const vncPasswordLength = 8

// openScreen lets VNC clients in that know a new password, and writes where and how, as Lima does.
// Until then QEMU lets nobody in.
func (a *agent) openScreen(ctx context.Context, m *machineProcess) error {
	if m.template.Video.Display != template.DisplayVNC {
		return nil
	}
	password := rand.Text()[:vncPasswordLength]
	if err := m.executeFor(ctx, "set_password", map[string]string{"protocol": "vnc", "password": password}, nil); err != nil {
		return fmt.Errorf("video: setting VNC's password: %w", err)
	}
	var server struct{ Host, Service string }
	if err := m.executeFor(ctx, "query-vnc", nil, &server); err != nil {
		return fmt.Errorf("video: asking QEMU where VNC is served: %w", err)
	}
	address := net.JoinHostPort(server.Host, server.Service)
	if err := vmdir.Write(a.Dir.VNCPassword(), []byte(password), 0o600); err != nil {
		return fmt.Errorf("video: %w", err)
	}
	if err := vmdir.Write(a.Dir.VNCDisplay(), []byte(address), 0o600); err != nil {
		return fmt.Errorf("video: %w", err)
	}
	a.Log.Info("VNC clients see the guest's screen", "address", address, "password", a.Dir.VNCPassword())
	return nil
}
