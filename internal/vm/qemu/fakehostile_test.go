// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// hostility says what a fake guest does that a good one never does.
type hostility string

const (
	floodsConsole   hostility = "floods its console and QEMU's messages"
	greetsEndlessly hostility = "sends a greeting without end"
	greetsSlowly    hostility = "sends a byte of its greeting a second"
	opensNothing    hostility = "lets in and opens no session"
	saysNothing     hostility = "starts commands and says nothing"
	answersALot     hostility = "answers without end"
	fakesBootID     hostility = "has a boot id of control characters"
	diesBadly       hostility = "has a QEMU that answers nonsense and is gone a moment later"
	forgetsBootID   hostility = "has a good boot id once"
	fakesStatus     hostility = "has a script whose status is a novel"
	asksALot        hostility = "sends requests and opens channels without end"
	reportsALot     hostility = "reports other ports all the time"
	reportsNoLine   hostility = "sends a report without end"
	endsItsWatch    hostility = "ends the watch of its ports at once"
	hasNoTime       hostility = "sets its clock back again and again"
	speaksNoQMP     hostility = "has a QEMU that speaks no QMP any more"
	sendsLongQMP    hostility = "has a QEMU whose message has no end"
	sendsDeepQMP    hostility = "has a QEMU that sends deep JSON"
	sendsManyQMP    hostility = "has a QEMU that sends events without end"
)

// floodSize is how much a flood writes, in bytes: many times each limit, but not more than a disk
// or a memory bears when the limit is missing.
const floodSize = 64 << 20

// flood writes a text again and again.
func flood(w io.Writer, text string) {
	block := []byte(strings.Repeat(text, max(1, (16<<10)/len(text))))
	for written := 0; written < floodSize; written += len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// hang never returns: the command does not end, whatever the client does.
func hang() { select {} }

// runHostile runs a command in the hostile way; false when it has none for it.
func (m *fakeMachine) runHostile(channel ssh.Channel, line string) bool {
	watch, boot := strings.Contains(line, "rdd-watch"), strings.Contains(line, "boot_id")
	switch h := m.guest.Hostile; {
	case h == saysNothing:
		hang()
	case h == answersALot && boot:
		go flood(channel.Stderr(), "x")
		flood(channel, "x")
		hang()
	case h == fakesBootID && boot:
		fmt.Fprintln(channel, "\x1b[2J\x1b]0;title\x07"+strings.Repeat("0", 1000))
	case h == diesBadly && boot:
		m.die()
		fmt.Fprintln(channel, "?")
	case h == forgetsBootID && boot && m.asked.Add(1) > 1:
		fmt.Fprintln(channel, "?")
	case h == fakesStatus && strings.Contains(line, "provision.status"):
		fmt.Fprintln(channel, strings.Repeat("it failed ", 1000))
	case h == reportsALot && watch:
		m.reportPorts(channel)
	case h == reportsNoLine && watch:
		flood(channel, "listening ")
		hang()
	case h == endsItsWatch && watch:
	case h == hasNoTime && watch:
		flood(channel, "time 1.0\n")
		hang()
	case h == hasNoTime && strings.Contains(line, "date -s"): // which would set this host's clock
	case h == hasNoTime && strings.Contains(line, "date +"):
		fmt.Fprintln(channel, "1.0")
	default:
		return false
	}
	return true
}

// dyingFor is how long a process is there whose connections do not answer any more.
const dyingFor = 300 * time.Millisecond

// die ends the machine as a SIGKILL does: its process is gone a moment after its connections.
func (m *fakeMachine) die() {
	m.dying.Store(true)
	time.AfterFunc(dyingFor, func() { os.Exit(1) })
}

// fakeHostileFile in the instance directory appears when a fake guest has been hostile for a while.
const fakeHostileFile = "fake-hostile"

// hostileFor is that while: long enough for what has no limit to get out of hand.
const hostileFor = time.Second

// beHostile announces that the machine has begun to be hostile.
func (m *fakeMachine) beHostile() {
	m.hostile.Do(func() {
		time.AfterFunc(hostileFor, func() { _ = os.WriteFile(filepath.Join(m.dir, fakeHostileFile), nil, 0o600) })
	})
}

// reportPorts reports thousands of ports, others each time.
func (m *fakeMachine) reportPorts(channel ssh.Channel) {
	const ports = 5000
	lines := make([]string, 2)
	for i := range lines {
		lines[i] = "listening"
		for p := range ports {
			lines[i] += fmt.Sprintf(" tcp/0100007F:%04X", 10000+i*ports+p)
		}
	}
	flood(channel, strings.Join(lines, "\n")+"\n")
	hang()
}

// greet plays what is no ssh server on a connection; false when the guest has a good one.
func (m *fakeMachine) greet(conn net.Conn) bool {
	switch m.guest.Hostile {
	case greetsEndlessly:
		flood(conn, "SSH-2.0-")
	case greetsSlowly:
		for err := error(nil); err == nil; {
			_, err = io.WriteString(conn, "S")
			<-time.After(time.Second)
		}
	default:
		return false
	}
	_ = conn.Close()
	return true
}

// ask sends what a client does not expect.
func ask(conn *ssh.ServerConn) {
	payload := make([]byte, 1<<10)
	go func() {
		for written := 0; written < floodSize; written += len(payload) {
			if _, _, err := conn.SendRequest("x", false, payload); err != nil {
				return
			}
		}
	}()
	for range 10000 {
		if channel, _, err := conn.OpenChannel("forwarded-tcpip", payload); err == nil {
			_ = channel.Close()
		}
	}
}

// turn makes the QMP connection hostile. The first one has been good so far, so that the machine
// has started. It is false when QMP stays good.
func (m *fakeMachine) turn(conn net.Conn) bool {
	switch m.guest.Hostile {
	case speaksNoQMP:
		flood(conn, "hello\n")
	case sendsLongQMP:
		flood(conn, `{"event":"`)
	case sendsDeepQMP:
		flood(conn, "[")
	default:
		return false
	}
	return true
}
