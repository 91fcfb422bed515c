// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// mostMemory is how much more memory a hostile engine may have this process use. All its answers
// are without end, so any amount shows that there is a limit.
const mostMemory = 128 << 20

// hostileTiming has pauses beyond the grace period, as the default has: an engine that is lost
// again and again counts as failed in between.
func hostileTiming() Timing {
	timing := hasty
	timing.RetryMax = 2 * timing.Grace
	return timing
}

// endless repeats text until the client hangs up.
func endless(text string) http.HandlerFunc {
	block := []byte(strings.Repeat(text, max(1, 4096/len(text))))
	return func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
}

// silent does not answer.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// textThen answers with a text first.
func textThen(first string, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, first)
		then(w, r)
	}
}

// drip sends a byte at intervals that are shorter than any timeout of a single read.
func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, "["); err != nil || w.(http.Flusher) == nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func answering(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// TestHostileDocker: whatever Docker in the guest answers, its state becomes Failed within the time
// limits, the message is short, and this process does not grow. Then a good Docker is found.
func TestHostileDocker(t *testing.T) {
	for name, replace := range map[string]map[string]http.HandlerFunc{
		"never answers":       {"/_ping": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"one byte at a time":  {"GET /version": drip},
		"an endless answer":   {"GET /version": endless("x")},
		"an endless string":   {"GET /version": textThen(`{"Version":"`, endless("x"))},
		"endless white space": {"GET /version": endless(" ")},
		"deep JSON":           {"GET /containers/json": answering(strings.Repeat("[", 1<<20))},
		"endless deep JSON":   {"GET /containers/json": endless("[")},
		"endless containers":  {"GET /containers/json": textThen("[{}", endless(`,{"Id":"x"}`))},
		"a long refusal": {"GET /containers/json": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, 500, strings.Repeat("x", 3<<20))
		}},
		"endless messages":      {"POST /images/load": endless(`{"stream":"x"} `)},
		"a message without end": {"POST /images/load": textThen(`{"error":"`, endless("x"))},
		"a frame of 4 GiB":      {"GET /containers/{id}/logs": answering("\x01\x00\x00\x00\xff\xff\xff\xffx")},
		"endless output":        {"GET /containers/{id}/logs": textThen("\x01\x00\x00\x00\xff\xff\xff\xff", endless("x"))},
		"an endless error":      {"GET /containers/{id}/logs": textThen("\x03\x00\x00\x00\xff\xff\xff\xff", endless("x"))},
		"frames without end":    {"GET /containers/{id}/logs": endless("\x01\x00\x00\x00\x00\x00\x00\x00")},
		"an event without end":  {"GET /events": textThen(`{"Type":"`, endless("x"))},
		// Its smoke test does not pass meanwhile, however slowly the events are read.
		"events without end":       {"GET /events": endless(`{"Type":"daemon","Action":"reload"} `), "POST /containers/{id}/wait": silent},
		"events that are no JSON":  {"GET /events": endless("\x00\xff")},
		"a wait that is no number": {"POST /containers/{id}/wait": answering(`{"StatusCode":1e999}`)},
	} {
		t.Run(name, func(t *testing.T) {
			d := startDocker(t)
			d.set(func() { d.replace = replace })
			m := NewMonitor(Config{DockerSocket: d.socket, Timing: hostileTiming()})
			defer m.Close()
			checkHostile(t, m, Target{Engine: Moby, Instance: "rd"})
			d.set(func() { d.replace = nil })
			await(t, func() bool { return m.State().Phase == PhaseConnected })
		})
	}
}

// checkHostile follows a target until it has failed, and watches the memory.
func checkHostile(t *testing.T, m *Monitor, target Target) {
	t.Helper()
	peak := watchMemory(t)
	m.Follow(&target)
	await(t, func() bool { return m.State().Phase == PhaseFailed })
	if problem := m.State().Problem; len(problem) > maxProblem+200 {
		t.Errorf("the problem has %d bytes", len(problem))
	}
	if most := peak(); most > mostMemory {
		t.Errorf("%d MiB more are in use", most>>20)
	}
}

// watchMemory measures how much more of the heap is in use at most, until peak is called.
func watchMemory(t *testing.T) (peak func() int64) {
	t.Helper()
	runtime.GC()
	inUse := func() int64 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapInuse)
	}
	before := inUse()
	var most atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for {
			most.Store(max(most.Load(), inUse()-before))
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return most.Load()
	}
}

// TestHostileDockerSocket: what answers on the socket need not be HTTP at all.
func TestHostileDockerSocket(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"endless headers": func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; err == nil; i++ {
				_, err = fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("x", 1000))
			}
		},
		"a header without end": func(c net.Conn) { repeat(c, "x") },
		"informational responses": func(c net.Conn) {
			repeat(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
		},
		"chunk extensions": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
			repeat(c, "x")
		},
		"hangs up": func(net.Conn) {},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "rdd") // short: it is a socket's
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			listener := listen(t, dir+"/s")
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					go func() {
						go func() { _, _ = io.Copy(io.Discard, conn) }()
						serve(conn)
						conn.Close()
					}()
				}
			}()
			m := NewMonitor(Config{DockerSocket: dir + "/s", Timing: hostileTiming()})
			defer m.Close()
			checkHostile(t, m, Target{Engine: Moby, Instance: "rd"})
		})
	}
}

func repeat(w io.Writer, text string) {
	block := []byte(strings.Repeat(text, 4096/len(text)))
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// TestHostileContainerd: commands in the guest whose output has no end, or that never end.
func TestHostileContainerd(t *testing.T) {
	flood := func(ctx context.Context, w io.Writer) (int, error) {
		for block := bytes.Repeat([]byte("Version: x\n"), 300); ctx.Err() == nil; {
			if _, err := w.Write(block); err != nil {
				return 0, err
			}
		}
		return 0, ctx.Err()
	}
	for name, shell := range map[string]Shell{
		"endless output":   func(ctx context.Context, _ string, c vm.Command) (int, error) { return flood(ctx, c.Stdout) },
		"endless messages": func(ctx context.Context, _ string, c vm.Command) (int, error) { return flood(ctx, c.Stderr) },
		"a command that hangs": func(ctx context.Context, _ string, _ vm.Command) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		},
		"a long version": func(_ context.Context, _ string, c vm.Command) (int, error) {
			_, err := io.WriteString(c.Stdout, "Server:\n Version: "+strings.Repeat("x", maxOutput/2))
			return 0, err
		},
		"a long failure": func(_ context.Context, _ string, c vm.Command) (int, error) {
			_, err := io.WriteString(c.Stderr, strings.Repeat("x", maxOutput/2))
			return 1, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMonitor(Config{Shell: shell, Timing: hostileTiming()})
			defer m.Close()
			checkHostile(t, m, Target{Engine: Containerd, Instance: "rd"})
			if version := m.State().Version; len(version) > maxVersion+10 {
				t.Errorf("the version has %d bytes", len(version))
			}
		})
	}
}
