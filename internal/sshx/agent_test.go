// SPDX-License-Identifier: Apache-2.0

//go:build unix

package sshx

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// agentServer answers "list" with what the client's agent says, or with "no agent".
func agentServer(t *testing.T) (*server, Config) {
	t.Helper()
	s, config := startServer(t)
	s.agent = true
	return s, config
}

// askAgent is what a program in the guest does with a forwarded agent.
func askAgent(conn ssh.Conn, to io.Writer) {
	channel, requests, err := conn.OpenChannel("auth-agent@openssh.com", nil)
	if err != nil {
		_, _ = io.WriteString(to, "refused")
		return
	}
	go ssh.DiscardRequests(requests)
	defer channel.Close()
	_, _ = io.WriteString(channel, "ask")
	_ = channel.CloseWrite()
	_, _ = io.Copy(to, channel)
}

// TestAgentIsForwarded: to the commands that name it only, and one that is gone does no harm.
func TestAgentIsForwarded(t *testing.T) {
	_, config := agentServer(t)
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			asked, _ := io.ReadAll(conn)
			_, _ = io.WriteString(conn, "agent was asked "+string(asked))
			_ = conn.Close()
		}
	}()
	for name, tt := range map[string]struct{ socket, want string }{
		"given": {socket, "agent was asked ask"}, "not given": {"", "no agent"}, "gone": {socket + ".gone", "no agent"},
	} {
		client, err := Dial(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		code, err := Run(t.Context(), client, Command{Line: "ask agent", AgentSocket: tt.socket, Stdout: &out})
		if code != 0 || err != nil || out.String() != tt.want {
			t.Errorf("%s: %d, %v: got %q, want %q", name, code, err, out.String(), tt.want)
		}
		_ = client.Close()
	}
}

func TestForwardAgentIsConfigured(t *testing.T) {
	for _, forward := range []bool{true, false} {
		config := Config{Address: "127.0.0.1:1", User: "u", PrivateKeyFile: "/k", KnownHostsFile: "/h", ForwardAgent: forward}
		text, err := config.Format("x")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseConfig(text); err != nil || got != config {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}
