// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// server is an sshd in this process: it runs commands by this host's sh and forwards to its
// sockets.
type server struct {
	t        *testing.T
	listener net.Listener
	config   *ssh.ServerConfig
	// hostile, when not nil, serves the channels of a connection.
	hostile func(<-chan ssh.NewChannel)
	// agent says that commands ask the client's ssh agent.
	agent bool

	mu       sync.Mutex
	conns    []net.Conn
	accepted int
	sizes    []Size
}

// startServer returns a server and how to reach it.
func startServer(t *testing.T) (*server, Config) {
	t.Helper()
	dir := t.TempDir()
	host, hostPublic := makeKey(t, filepath.Join(dir, "host"))
	user, _ := makeKey(t, filepath.Join(dir, "user"))
	s := &server{t: t, config: &ssh.ServerConfig{
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if meta.User() != "tester" || string(key.Marshal()) != string(user.PublicKey().Marshal()) {
				return nil, fmt.Errorf("nobody we know")
			}
			return nil, nil
		},
	}}
	s.config.AddHostKey(host)
	s.listen("127.0.0.1:0")
	t.Cleanup(s.stop)
	address := s.listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	known := filepath.Join(dir, "known_hosts")
	if err := os.WriteFile(known, []byte("[127.0.0.1]:"+port+" "+hostPublic), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, Config{Address: address, User: "tester", PrivateKeyFile: filepath.Join(dir, "user"), KnownHostsFile: known}
}

func makeKey(t *testing.T, path string) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
}

func (s *server) listen(address string) {
	s.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.listener = listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.accepted++
			s.mu.Unlock()
			go s.serve(conn)
		}
	}()
}

func (s *server) stop() {
	_ = s.listener.Close()
	s.breakConnections()
}

// breakConnections cuts all connections, as a guest that dies does.
func (s *server) breakConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
}

func (s *server) serve(conn net.Conn) {
	served, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		_ = conn.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	if s.hostile != nil {
		s.hostile(channels)
		return
	}
	for channel := range channels {
		switch channel.ChannelType() {
		case "session":
			go s.session(served, channel)
		case "direct-streamlocal@openssh.com":
			go forwardTo(channel)
		default:
			_ = channel.Reject(ssh.UnknownChannelType, "unknown")
		}
	}
}

func forwardTo(request ssh.NewChannel) {
	var target struct {
		Path     string
		Reserved string
		Port     uint32
	}
	if err := ssh.Unmarshal(request.ExtraData(), &target); err != nil {
		_ = request.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	conn, err := net.Dial("unix", target.Path)
	if err != nil {
		_ = request.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := request.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	go func() {
		_, _ = io.Copy(conn, channel)
		_ = conn.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(channel, conn)
	_, _ = channel.CloseWrite(), channel.Close()
}

func (s *server) session(conn ssh.Conn, request ssh.NewChannel) {
	channel, requests, err := request.Accept()
	if err != nil {
		return
	}
	hasAgent := false
	for r := range requests {
		switch r.Type {
		case "auth-agent-req@openssh.com":
			hasAgent = true
			_ = r.Reply(true, nil)
		case "pty-req":
			var pty struct {
				Term          string
				Columns, Rows uint32
				Width, Height uint32
				Modes         string
			}
			_ = r.Reply(ssh.Unmarshal(r.Payload, &pty) == nil, nil)
			s.resized(pty.Columns, pty.Rows)
		case "window-change":
			var size struct{ Columns, Rows, Width, Height uint32 }
			_ = ssh.Unmarshal(r.Payload, &size)
			s.resized(size.Columns, size.Rows)
		case "exec":
			var command struct{ Line string }
			_ = r.Reply(ssh.Unmarshal(r.Payload, &command) == nil, nil)
			switch {
			case !s.agent:
				go runFor(channel, command.Line)
			case hasAgent:
				go answer(channel, func(to io.Writer) { askAgent(conn, to) })
			default:
				go answer(channel, func(to io.Writer) { _, _ = io.WriteString(to, "no agent") })
			}
		default:
			_ = r.Reply(false, nil)
		}
	}
}

// answer ends a command with exit code 0 after its output.
func answer(channel ssh.Channel, write func(to io.Writer)) {
	defer channel.Close()
	write(channel)
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{}))
}

func (s *server) resized(columns, rows uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, Size{Columns: int(columns), Rows: int(rows)})
}

func runFor(channel ssh.Channel, line string) {
	defer channel.Close()
	if line == "die" {
		_, _ = channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal        string
			Dumped        bool
			Error, Langue string
		}{Signal: "KILL"}))
		return
	}
	if line == "leave" { // ends, but a process it left behind holds the terminal
		_, _ = io.WriteString(channel, "bye")
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{7}))
		_, _ = io.WriteString(channel, "!")
		_, _ = io.Copy(io.Discard, channel) // until the client closes it
		return
	}
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(in, channel)
		_ = in.Close()
	}()
	_ = cmd.Run()
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(cmd.ProcessState.ExitCode())}))
}
