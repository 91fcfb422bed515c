// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// relayed is a Relay to a server, and its socket.
type relayed struct {
	server *server
	socket string
	link   *Link
	// end ends the relay and returns what it returned.
	end func() error
}

func startRelay(t *testing.T) *relayed {
	t.Helper()
	s, config := startServer(t)
	dir, err := os.MkdirTemp("", "rdd") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &relayed{
		server: s, socket: filepath.Join(dir, "s"), link: NewLink(func(ctx context.Context) (*ssh.Client, error) { return Dial(ctx, config) }),
	}
	t.Cleanup(r.link.Close)
	listener, err := net.Listen("unix", r.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- Relay(ctx, listener, r.link.Client) }()
	r.end = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() {
		if err := r.end(); err != nil {
			t.Errorf("the relay ended with %v", err)
		}
	})
	return r
}

func (r *relayed) dial(t *testing.T) *ssh.Client {
	t.Helper()
	client, err := DialRelay(t.Context(), r.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestRelay(t *testing.T) {
	r := startRelay(t)
	large := bytes.Repeat([]byte("0123456789abcde\x00"), 1<<16) // 1 MiB
	for _, tt := range []struct {
		name, line, in, out, errs string
		code                      int
	}{
		{name: "output", line: "echo out; echo err >&2", out: "out\n", errs: "err\n"},
		{name: "exit code", line: "exit 7", code: 7},
		{name: "input", line: "cat", in: "in", out: "in"},
		{name: "much", line: "cat", in: string(large), out: string(large)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code, err := Run(t.Context(), r.dial(t), Command{Line: tt.line, Stdin: strings.NewReader(tt.in), Stdout: &out, Stderr: &errs})
			if err != nil || code != tt.code || out.String() != tt.out || errs.String() != tt.errs {
				t.Errorf("got code %d, %v, %d bytes, errors %q", code, err, out.Len(), errs.String())
			}
		})
	}
	if r.server.accepted != 1 {
		t.Errorf("the guest was logged in to %d times, want once", r.server.accepted)
	}
}

// TestRelaySharesAConnection runs commands at the same time that wait for one another.
func TestRelaySharesAConnection(t *testing.T) {
	r := startRelay(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if code, err := Run(t.Context(), r.dial(t), Command{Args: []string{"mkfifo", pipe}}); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	var both sync.WaitGroup
	var got bytes.Buffer
	both.Go(func() {
		if code, err := Run(t.Context(), r.dial(t), Command{Args: []string{"cat", pipe}, Stdout: &got}); code != 0 || err != nil {
			t.Error(code, err)
		}
	})
	both.Go(func() {
		if code, err := Run(t.Context(), r.dial(t), Command{Line: "echo met > " + Quote(pipe)}); code != 0 || err != nil {
			t.Error(code, err)
		}
	})
	both.Wait()
	if got.String() != "met\n" || r.server.accepted != 1 {
		t.Errorf("got %q over %d connections", got.String(), r.server.accepted)
	}
}

// TestRelayAnswersBeforeTheEnd: a command that is over at once must not take the answer that it
// began with it.
func TestRelayAnswersBeforeTheEnd(t *testing.T) {
	r := startRelay(t)
	client := r.dial(t)
	for range 200 {
		if code, err := Run(t.Context(), client, Command{Line: "die"}); code != 128+9 || err != nil {
			t.Fatalf("got %d, %v", code, err)
		}
	}
}

func TestRelayRefuses(t *testing.T) {
	r := startRelay(t)
	client := r.dial(t)
	var refused *ssh.OpenChannelError
	if _, _, err := client.OpenChannel("direct-tcpip", nil); !errors.As(err, &refused) || refused.Reason != ssh.Prohibited {
		t.Errorf("a channel that is no session: %v", err)
	}
	r.link.Close()
	if _, err := Run(t.Context(), client, Command{Line: "true"}); !errors.As(err, &refused) {
		t.Errorf("without a guest: %v", err)
	}
}

// TestRelaySurvivesTheConnection: sessions are relayed again once there is a new connection to the
// guest.
func TestRelaySurvivesTheConnection(t *testing.T) {
	r := startRelay(t)
	client := r.dial(t)
	if code, err := Run(t.Context(), client, Command{Line: "true"}); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	first, err := r.link.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.server.breakConnections()
	_ = first.Wait()
	r.link.drop(first)
	if code, err := Run(t.Context(), client, Command{Line: "exit 3"}); code != 3 || err != nil {
		t.Errorf("over the next connection: %d, %v", code, err)
	}
}

// TestRelayEnds: with ctx the sessions end too, and the socket is gone.
func TestRelayEnds(t *testing.T) {
	r := startRelay(t)
	client := r.dial(t)
	out := &firstWrite{written: make(chan struct{})}
	in, typed := io.Pipe()
	defer func() { _ = typed.Close() }()
	result := make(chan error, 1)
	go func() {
		_, err := Run(context.Background(), client, Command{Line: "echo begun; cat", Stdin: in, Stdout: out})
		result <- err
	}()
	<-out.written
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err == nil {
		t.Error("a command that was cut off ended well")
	}
	if _, err := DialRelay(t.Context(), r.socket); err == nil {
		t.Error("the socket still answers")
	}
}

// firstWrite closes its channel when something is written.
type firstWrite struct {
	once    sync.Once
	written chan struct{}
}

// Write implements io.Writer.
func (f *firstWrite) Write(data []byte) (int, error) {
	f.once.Do(func() { close(f.written) })
	return len(data), nil
}
