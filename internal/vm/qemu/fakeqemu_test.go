// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// fakeQEMUName makes this test's program behave as QEMU does towards a hostagent: it listens on the
// QMP socket and, after a while, lets ssh in on the forwarded port with the keys from the boot
// credential. It boots in a moment, so that machines can be killed at many points.
const fakeQEMUName = "qemu-system-x86_64"

// bootTime of the fake guest.
const bootTime = 150 * time.Millisecond

var (
	hostKeyPattern = regexp.MustCompile(`(?s)host_key='(.*?)'`)
	forwardPattern = regexp.MustCompile(`hostfwd=tcp:(127\.0\.0\.1:\d+)-`)
	pathPattern    = regexp.MustCompile(`path=(.*)$`)
	logPattern     = regexp.MustCompile(`/([a-z]+)\.log`)
)

// fakeQEMU runs until it is asked to end.
func fakeQEMU(args []string) error {
	if len(args) == 1 || args[0] == "-machine" && args[1] == "help" {
		fmt.Println("q35 Standard PC (alias of pc-q35-7.2)")
		return nil
	}
	syscall.CloseOnExec(3) // the lock is this process's, not its children's
	option := func(name, containing string) string {
		for i := range len(args) - 1 {
			if args[i] == name && strings.Contains(args[i+1], containing) {
				return args[i+1]
			}
		}
		return ""
	}
	if option("-accel", "kvm") != "" {
		if err := fakeKVM(option("-chardev", "stdio") != ""); err != nil {
			return err
		}
	}
	machine := &fakeMachine{uuid: option("-uuid", ""), bootID: randomID(), ended: make(chan string, 1), udp: map[string]net.PacketConn{}}
	qmp, err := net.Listen("unix", pathPattern.FindStringSubmatch(option("-chardev", "qmp.sock"))[1])
	if err != nil {
		return err
	}
	_, credential, _ := strings.Cut(option("-fw_cfg", "rdd.boot"), "file=")
	machine.dir = filepath.Dir(credential)
	if machine.guest, err = readFakeGuest(machine.dir); err != nil {
		return err
	}
	var servers []net.Listener // the shared one, and rdd's own
	for _, found := range forwardPattern.FindAllStringSubmatch(option("-netdev", ""), -1) {
		ssh, err := net.Listen("tcp", found[1])
		if err != nil || machine.guest.PortTaken {
			return fmt.Errorf("Could not set up host forwarding rule: %w", errors.Join(err, syscall.EADDRINUSE))
		}
		servers = append(servers, ssh)
	}
	if err := machine.readKeys(credential); err != nil {
		return err
	}
	if err := os.WriteFile(option("-pidfile", ""), fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
		return err
	}
	serial := pathPattern.FindStringSubmatch(option("-chardev", "serial.log"))[1]
	if machine.console, err = os.OpenFile(serial, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return err
	}
	if _, err := io.WriteString(machine.console, machine.guest.Console); err != nil {
		return err
	}
	if machine.guest.Hostile == floodsConsole {
		go flood(machine.console, "console\n")
		go flood(os.Stderr, "qemu-system-x86_64: warning\n")
	}
	go machine.watchPause()
	go machine.serveQMP(qmp)
	if !machine.guest.NoSSH {
		time.AfterFunc(bootTime, func() { machine.serveBoth(servers) })
	}
	<-machine.ended
	return nil
}

func randomID() string {
	id := make([]byte, 8)
	_, _ = rand.Read(id)
	return hex.EncodeToString(id)
}

type fakeMachine struct {
	dir          string // of the instance
	uuid, bootID string
	udp          map[string]net.PacketConn // forwarded by the monitor
	ended        chan string
	config       *ssh.ServerConfig
	guest        fakeGuest
	console      *os.File // serial.log
	hostile      sync.Once
	asked        atomic.Int32 // for its boot id, of a guest that forgets it
	dying        atomic.Bool  // its connections do not answer any more
	state        runState
}

func (m *fakeMachine) readKeys(credential string) error {
	script, err := os.ReadFile(credential)
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey([]byte(hostKeyPattern.FindStringSubmatch(string(script))[1] + "\n"))
	if err != nil {
		return err
	}
	m.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !strings.Contains(string(script), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))) {
			return nil, fmt.Errorf("unknown key")
		}
		return nil, nil
	}}
	m.config.AddHostKey(key)
	return nil
}

// serveQMP serves one client at a time, as QEMU does.
func (m *fakeMachine) serveQMP(listener net.Listener) {
	for first := true; ; first = false {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if !first && m.turn(conn) {
			_ = conn.Close()
			continue
		}
		fmt.Fprintln(conn, `{"QMP":{"version":{},"capabilities":[]}}`)
		m.state.serve(conn)
		for lines := bufio.NewScanner(conn); lines.Scan() && !m.dying.Load(); {
			var request struct {
				Execute, ID string
				Arguments   struct {
					Line string `json:"command-line"`
				}
			}
			_ = json.Unmarshal(lines.Bytes(), &request)
			m.execute(conn, request.Execute, request.ID, request.Arguments.Line)
			if request.Execute == "query-uuid" && (m.turn(conn) || m.guest.Hostile == sendsManyQMP) {
				flood(conn, `{"event":"RTC_CHANGE","data":{"offset":1},"timestamp":{"seconds":1,"microseconds":1}}`+"\n")
			}
		}
		m.state.serve(nil)
		_ = conn.Close()
	}
}

func (m *fakeMachine) execute(conn io.Writer, command, id, line string) {
	result := `{}`
	if command == "query-uuid" {
		result = fmt.Sprintf(`{"UUID":%q}`, m.uuid)
	}
	if command == "query-vnc" {
		result = `{"enabled":true,"host":"127.0.0.1","service":"5907"}`
	}
	if command == "human-monitor-command" {
		answer, _ := json.Marshal(m.monitor(line))
		result = string(answer)
	}
	if answer, known := m.answer(command); known {
		result = answer
	}
	fmt.Fprintf(conn, `{"return":%s,"id":%q}`+"\n", result, id)
	reason := map[string]string{"quit": "host-qmp-quit", "system_powerdown": "guest-shutdown"}[command]
	if reason != "" && !(command == "system_powerdown" && (m.guest.QuietPowerButton || m.stopped())) {
		fmt.Fprintf(conn, `{"event":"SHUTDOWN","data":{"reason":%q},"timestamp":{"seconds":1,"microseconds":1}}`+"\n", reason)
		m.ended <- reason
	}
}

// serveBoth serves ssh at both ports, as far as the guest does.
func (m *fakeMachine) serveBoth(servers []net.Listener) {
	if !m.guest.BusySSH {
		go m.serveSSH(servers[0])
	}
	if !m.guest.NoOwnSSH {
		go m.serveSSH(servers[1])
		return
	}
	for {
		conn, err := servers[1].Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

func (m *fakeMachine) serveSSH(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		m.beHostile()
		go func() {
			if m.greet(conn) {
				return
			}
			server, channels, requests, err := ssh.NewServerConn(conn, m.config)
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
			switch m.guest.Hostile {
			case opensNothing:
				return
			case asksALot:
				go ask(server)
			}
			for channel := range channels {
				go m.serveChannel(channel, conn.Close)
			}
		}()
	}
}

func (m *fakeMachine) serveChannel(request ssh.NewChannel, breakConnection func() error) {
	channel, requests, err := request.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	if request.ChannelType() == "direct-tcpip" {
		go ssh.DiscardRequests(requests)
		forwardTCP(channel, request.ExtraData())
		return
	}
	if request.ChannelType() != "session" {
		// The guest's docker.sock: it says which boot it belongs to.
		go ssh.DiscardRequests(requests)
		fmt.Fprint(channel, m.bootID)
		return
	}
	for r := range requests {
		if r.Type != "exec" {
			_ = r.Reply(false, nil)
			continue
		}
		_ = r.Reply(true, nil)
		status := m.run(channel, string(r.Payload[4:]), breakConnection)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

// run answers the hostagent's questions; probes are really run, by this host.
func (m *fakeMachine) run(channel ssh.Channel, line string, breakConnection func() error) uint32 {
	if status, ok := m.runMounts(channel, line); ok {
		return status
	}
	switch {
	case m.runHostile(channel, line):
	case strings.Contains(line, "rdd-watch"):
		m.watch(channel, breakConnection)
	case strings.Contains(line, "NRestarts"):
		fmt.Fprint(channel, m.guest.Units)
	case strings.Contains(line, "boot_id"):
		fmt.Fprintln(channel, m.bootID)
	case strings.Contains(line, "boot.status"):
		fmt.Fprintln(channel, m.guest.BootStatus)
	case strings.Contains(line, "touch /run/rdd/"):
		return 0
	case strings.Contains(line, "provision.status"):
		fmt.Fprintln(channel, m.guest.ProvisionStatus)
	case strings.Contains(line, ".log"):
		fmt.Fprintln(channel, "the log of "+logPattern.FindStringSubmatch(line)[1])
	default:
		cmd := exec.Command("/bin/sh", "-c", strings.ReplaceAll(line, "exec sudo -n ", "exec "))
		cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, channel.Stderr()
		_ = cmd.Run()
		return uint32(cmd.ProcessState.ExitCode())
	}
	return 0
}
