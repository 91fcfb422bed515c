// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// unreachable is a machine whose guest lets nobody in; dials counts the attempts.
func unreachable(t *testing.T, dials *int, dialled func()) (*agent, *machineProcess) {
	a := &agent{Config: Config{Log: slog.New(slog.DiscardHandler)}}
	m := &machineProcess{pauses: &pauses{}, ended: make(chan struct{}), template: &template.Template{}}
	m.link = sshx.NewLink(func(context.Context) (*ssh.Client, error) {
		*dials++
		dialled()
		return nil, errors.New("the connection broke")
	})
	t.Cleanup(m.link.Close)
	return a, m
}

// TestFilesAreTriedAgain: a guest that is paused for some time loses its connections, which is no
// reason to give up a start that changes or copies files.
func TestFilesAreTriedAgain(t *testing.T) {
	for name, do := range map[string]func(*agent, context.Context, *machineProcess) error{
		"changed": func(a *agent, ctx context.Context, m *machineProcess) error {
			return a.changeFile(ctx, m, template.Provision{Path: "/etc/x"})
		},
		"copied": func(a *agent, ctx context.Context, m *machineProcess) error {
			return a.copyFile(ctx, m, template.CopyToHost{Guest: "/etc/x", Host: "/x"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				dials := 0
				a, m := unreachable(t, &dials, func() {
					if dials == 3 {
						cancel()
					}
				})
				if err := do(a, ctx, m); err == nil || dials != 3 {
					t.Errorf("%d attempts: %v", dials, err)
				}
			})
		})
	}
}

// TestFilesEnd: the attempts end with the machine, and after the time for provisioning.
func TestFilesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		var end func()
		a, m := unreachable(t, &dials, func() { end() })
		m.template.CopyToHost = []template.CopyToHost{{Guest: "/etc/x", Host: "/x"}}
		end = func() {}
		started := time.Now()
		limit := a.deadlines(m.accelerator).provision
		if err := a.copyToHost(t.Context(), m); err == nil || time.Since(started) > limit {
			t.Errorf("after %s: %v", time.Since(started), err)
		}
		dials, end = 0, func() { close(m.ended) }
		if err := a.copyToHost(t.Context(), m); err == nil || dials != 1 {
			t.Errorf("%d attempts after the end: %v", dials, err)
		}
	})
}
