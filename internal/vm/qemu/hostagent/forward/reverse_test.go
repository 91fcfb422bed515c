// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestReverse: a connection to the guest's socket arrives at the host's, also after the socket
// could not be opened, and after the connection to the guest broke.
func TestReverse(t *testing.T) {
	dir := t.TempDir()
	host, guest := filepath.Join(dir, "host"), filepath.Join(dir, "guest")
	server, err := net.Listen("unix", host)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "from the host")
			_ = conn.Close()
		}
	}()
	opened := make(chan net.Listener)
	var reports []string // read when Run has returned
	attempts := 0
	reverse := Reverse{
		Rules: []template.PortForward{{GuestSocket: guest, HostSocket: host, Reverse: true}}, Log: slog.New(slog.DiscardHandler),
		Retry:  time.Millisecond,
		Failed: func(all []vm.Forward) { reports = append(reports, fmt.Sprint(all)) },
		Listen: func(ctx context.Context, path string) (net.Listener, error) {
			if attempts++; attempts%2 == 1 {
				return nil, errors.New("no room")
			}
			listener, err := net.Listen("unix", path)
			select {
			case opened <- listener:
			case <-ctx.Done():
			}
			return listener, err
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { reverse.Run(ctx); close(ended) }()
	for range 2 {
		listener := <-opened
		conn, err := net.Dial("unix", guest)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || string(got) != "from the host" {
			t.Errorf("got %q, %v", got, err)
		}
		_ = conn.Close()
		_ = listener.Close() // the connection to the guest breaks
	}
	cancel()
	<-ended
	failed := fmt.Sprint([]vm.Forward{{Protocol: "unix", Host: host, Guest: guest, Error: "no room", Reverse: true}})
	if want := []string{failed, "[]", failed, "[]"}; !slices.Equal(reports[:len(want)], want) {
		t.Errorf("reported %q, want %q", reports, want)
	}
}

// TestReverseRulesLeadNowhereElse: the host's socket of such a rule is not opened.
func TestReverseRulesLeadNowhereElse(t *testing.T) {
	rule := template.PortForward{GuestSocket: "/g", HostSocket: "/h", Reverse: true}
	if routes := plan(rules(rule), nil); len(routes) != 0 {
		t.Errorf("got %+v", routes)
	}
}
