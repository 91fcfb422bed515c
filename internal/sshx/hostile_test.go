// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// TestHostileServer: a server that lets in and then does not answer, at any point, holds up a
// command no longer than its context.
func TestHostileServer(t *testing.T) {
	for name, serve := range map[string]func(<-chan ssh.NewChannel){
		"opens no session": func(<-chan ssh.NewChannel) {},
		"starts no command": func(channels <-chan ssh.NewChannel) {
			_, _, _ = (<-channels).Accept()
		},
		"never ends it": func(channels <-chan ssh.NewChannel) {
			_, requests, err := (<-channels).Accept()
			if err == nil {
				_ = (<-requests).Reply(true, nil)
			}
		},
		"writes without end": func(channels <-chan ssh.NewChannel) {
			channel, requests, err := (<-channels).Accept()
			if err != nil {
				return
			}
			_ = (<-requests).Reply(true, nil)
			for text := strings.Repeat("x", 1<<10); err == nil; {
				_, err = io.WriteString(channel, text)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := dialHostile(t, serve)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			out := &strings.Builder{}
			if _, err := Run(ctx, client, Command{Line: "true", Stdout: out, Stderr: out}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			// The race detector finds a write that comes now.
			_ = out.String()
		})
	}
}

// dialHostile logs in to a server that serves the channels of a connection as serve does.
func dialHostile(t *testing.T, serve func(<-chan ssh.NewChannel)) *ssh.Client {
	t.Helper()
	s, config := startServer(t)
	s.hostile = serve
	client, err := Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
