// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// waitTimeout bounds waits. It is generous: only a test that hangs reaches it.
const waitTimeout = time.Minute

// watching is one of the guest's loops, run on this host.
type watching struct {
	cmd   *exec.Cmd
	in    io.Closer
	out   io.Closer
	lines *bufio.Scanner
}

func watch(t *testing.T, shell, script string) watching {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, "-c", script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	return watching{cmd: cmd, in: in, out: out, lines: bufio.NewScanner(out)}
}

// await reads reports until one is as wanted.
func (w watching) await(t *testing.T, what string, wanted func(Report) bool) {
	t.Helper()
	for w.lines.Scan() {
		report, err := ParseReport(w.lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		if wanted(report) {
			return
		}
	}
	t.Fatalf("%s: the reports have ended: %v", what, w.lines.Err())
}

func has(address net.Addr, proto string, yes bool) func(Report) bool {
	l := Listener{proto, netip.MustParseAddrPort(address.String())}
	return func(r Report) bool { return r.Listening && slices.Contains(r.Listeners, l) == yes }
}

// TestWatch runs both loops against the sockets of this test.
func TestWatch(t *testing.T) {
	for shell, script := range map[string]string{"bash": bashWatch, "sh": shWatch} {
		t.Run(shell, func(t *testing.T) {
			w := watch(t, shell, script)
			w.await(t, "the time", func(r Report) bool { return !r.Time.IsZero() && off(r.Time) < waitTimeout })
			listener, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			w.await(t, "TCP", has(listener.Addr(), "tcp", true))
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer packets.Close()
			w.await(t, "UDP", has(packets.LocalAddr(), "udp", true))
			if err := listener.Close(); err != nil {
				t.Fatal(err)
			}
			w.await(t, "TCP no more, though one is connected", has(listener.Addr(), "tcp", false))
		})
	}
}

func off(t time.Time) time.Duration { return time.Since(t).Abs() }

// TestWatchEndsWithItsConnection: nothing stays behind in the guest.
func TestWatchEndsWithItsConnection(t *testing.T) {
	t.Run("bash", func(t *testing.T) {
		w := watch(t, "bash", bashWatch)
		w.await(t, "the first", func(Report) bool { return true })
		if err := w.in.Close(); err != nil {
			t.Fatal(err)
		}
		for w.lines.Scan() {
		}
		if err := w.cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("sh", func(t *testing.T) {
		w := watch(t, "sh", shWatch)
		w.await(t, "the first", func(Report) bool { return true })
		if err := w.out.Close(); err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp4", "127.0.0.1:0") // something to report
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		_ = w.cmd.Wait() // by a signal or an error of echo
		if w.cmd.ProcessState == nil {
			t.Error("still there")
		}
	})
}

// TestManySockets: more listeners than the loop reads at first, behind which there are connections.
func TestManySockets(t *testing.T) {
	var listeners []net.Listener
	for i := range 300 {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Skipf("SKIPPED: listener %d: %v", i, err)
		}
		defer listener.Close()
		listeners = append(listeners, listener)
	}
	w := watch(t, "bash", bashWatch)
	w.await(t, fmt.Sprintf("all %d", len(listeners)), func(r Report) bool {
		return r.Listening && !slices.ContainsFunc(listeners, func(l net.Listener) bool { return !has(l.Addr(), "tcp", true)(r) })
	})
}
