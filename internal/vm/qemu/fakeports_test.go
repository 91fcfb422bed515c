// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// fakeListeningFile in the instance directory holds what the fake guest reports to listen:
// "127.0.0.1:8080" for TCP, each on its line, "udp/0.0.0.0:53" for UDP. The ports are this host's
// own. What begins with a "!" is reported as it is.
const fakeListeningFile = "fake-listening"

// fakeBreakFile in the instance directory breaks the connection over which the fake guest is
// watched.
const fakeBreakFile = "fake-break"

// watch does what the hostagent's command for watching a guest does.
func (m *fakeMachine) watch(channel ssh.Channel, breakConnection func() error) {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, channel)
		close(ended)
	}()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for was := "unknown"; ; {
		data, _ := os.ReadFile(filepath.Join(m.dir, fakeListeningFile))
		if now := string(data); now != was {
			if _, err := fmt.Fprintln(channel, report(now)); err != nil {
				return
			}
			was = now
		}
		if os.Remove(filepath.Join(m.dir, fakeBreakFile)) == nil {
			_ = breakConnection()
		}
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
	}
}

// report writes IPv4 listeners as the kernel does.
func report(listening string) string {
	if raw, found := strings.CutPrefix(listening, "!"); found {
		return raw
	}
	line := "listening"
	for field := range strings.FieldsSeq(listening) {
		proto, address, found := strings.Cut(field, "/")
		if !found {
			proto, address = "tcp", field
		}
		host, port, _ := net.SplitHostPort(address)
		ip, number := net.ParseIP(host).To4(), 0
		_, _ = fmt.Sscan(port, &number)
		line += fmt.Sprintf(" %s/%02X%02X%02X%02X:%04X", proto, ip[3], ip[2], ip[1], ip[0], number)
	}
	return line
}

func forwardTCP(channel ssh.Channel, data []byte) {
	var target struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if ssh.Unmarshal(data, &target) != nil {
		return
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(target.Host, fmt.Sprint(target.Port)))
	if err != nil {
		return
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, channel)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(channel, conn)
	_ = channel.CloseWrite()
}

// monitor is QEMU's human monitor: it binds UDP ports that it is to forward, and answers with
// QEMU's texts.
func (m *fakeMachine) monitor(line string) string {
	fields := strings.Fields(line)
	switch {
	case line == "info usernet":
		answer := "Hub -1 (net0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
		for _, rule := range slices.Sorted(maps.Keys(m.udp)) {
			host, guest, _ := strings.Cut(rule, "-")
			ip, port, _ := net.SplitHostPort(host)
			answer += fmt.Sprintf("  UDP[HOST_FORWARD]  15 %15s %5s       10.0.2.15 %5s     0     0\r\n", ip, port, strings.TrimPrefix(guest, ":"))
		}
		return answer
	case len(fields) == 3 && fields[0] == "hostfwd_add":
		rule := strings.TrimPrefix(fields[2], "udp:")
		host, _, _ := strings.Cut(rule, "-")
		conn, err := net.ListenPacket("udp4", host)
		if err != nil {
			return fmt.Sprintf("Could not set up host forwarding rule '%s'\r\n", fields[2])
		}
		m.udp[rule] = conn
		return ""
	case len(fields) == 3 && fields[0] == "hostfwd_remove":
		for rule, conn := range m.udp {
			if strings.HasPrefix("udp:"+rule, fields[2]+"-") {
				_ = conn.Close()
				delete(m.udp, rule)
				return "host forwarding rule for " + fields[2] + " removed\r\n"
			}
		}
		return "host forwarding rule for " + fields[2] + " not found\r\n"
	}
	return "unknown command: '" + line + "'\r\n"
}
