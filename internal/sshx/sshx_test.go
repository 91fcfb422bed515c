// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func dialed(t *testing.T) (*server, *ssh.Client) {
	t.Helper()
	s, config := startServer(t)
	client, err := Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return s, client
}

func TestRun(t *testing.T) {
	_, client := dialed(t)
	for _, tc := range []struct {
		name     string
		command  Command
		code     int
		out, err string
	}{
		{"a line", Command{Line: "echo a; echo b >&2; exit 7"}, 7, "a\n", "b\n"},
		{"arguments arrive as they are", Command{Args: []string{"printf", "%s|", "a b", "it's", "$HOME", "`x`", "*", "", "new\nline"}}, 0,
			"a b|it's|$HOME|`x`|*||new\nline|", ""},
		{"a signal", Command{Line: "die"}, 128 + 9, "", ""},
		{"no input is empty input", Command{Line: "cat"}, 0, "", ""},
		{"input", Command{Line: "cat", Stdin: strings.NewReader("hello")}, 0, "hello", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			tc.command.Stdout, tc.command.Stderr = &out, &stderr
			code, err := Run(t.Context(), client, tc.command)
			if err != nil || code != tc.code || out.String() != tc.out || stderr.String() != tc.err {
				t.Errorf("code %d, %v, stdout %q, stderr %q", code, err, out.String(), stderr.String())
			}
		})
	}
	if _, err := Run(t.Context(), client, Command{Line: "x", Args: []string{"y"}}); err == nil {
		t.Error("Line and Args together were accepted")
	}
}

// TestRunIntoOneWriter: both streams may be one writer, as in os/exec.
func TestRunIntoOneWriter(t *testing.T) {
	_, client := dialed(t)
	for range 20 {
		var both bytes.Buffer
		code, err := Run(t.Context(), client, Command{Line: "echo a; echo b >&2; echo a", Stdout: &both, Stderr: &both})
		if got := both.String(); err != nil || code != 0 || strings.Count(got, "a\n") != 2 || strings.Count(got, "b\n") != 1 || len(got) != 6 {
			t.Fatalf("code %d, %v, output %q", code, err, got)
		}
	}
}

func TestRunIsEightBitClean(t *testing.T) {
	_, client := dialed(t)
	data := make([]byte, 1<<20)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code, err := Run(t.Context(), client, Command{Line: "cat", Stdin: bytes.NewReader(data), Stdout: &out}); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	if !bytes.Equal(out.Bytes(), data) {
		t.Error("a megabyte of random bytes came back changed")
	}
}

// TestRunDoesNotWaitForStdin: a terminal's read never ends by itself.
func TestRunDoesNotWaitForStdin(t *testing.T) {
	_, client := dialed(t)
	in, out := io.Pipe()
	defer out.Close()
	if code, err := Run(t.Context(), client, Command{Line: "exit 3", Stdin: in}); code != 3 || err != nil {
		t.Errorf("got %d, %v", code, err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	_, client := dialed(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	in, out := io.Pipe()
	defer out.Close()
	if _, err := Run(ctx, client, Command{Line: "cat", Stdin: in}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestErrorsSayWhyTheContextEnded: its own error may only be context.Canceled.
func TestErrorsSayWhyTheContextEnded(t *testing.T) {
	s, config := startServer(t)
	s.hostile = func(<-chan ssh.NewChannel) {} // it answers no request for a session
	client, err := Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	config.Address = silent.Addr().String()
	greeted := config
	greeted.BannerTimeout = time.Minute
	for name, call := range map[string]func(context.Context) error{
		"login":  func(ctx context.Context) error { _, err := Dial(ctx, config); return err },
		"banner": func(ctx context.Context) error { _, err := Dial(ctx, greeted); return err },
		"run":    func(ctx context.Context) error { _, err := Run(ctx, client, Command{Line: "true"}); return err },
		"link": func(ctx context.Context) error {
			link := NewLink(nil)
			link.slot <- struct{}{} // another call dials
			_, err := link.Client(ctx)
			return err
		},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(context.DeadlineExceeded) })
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunOverABrokenConnection(t *testing.T) {
	s, client := dialed(t)
	read, write := io.Pipe()
	go func() {
		_, _ = read.Read(make([]byte, 1)) // the command runs
		s.breakConnections()
	}()
	if _, err := Run(t.Context(), client, Command{Line: "echo; cat", Stdin: strings.NewReader(""), Stdout: write}); err == nil {
		// cat may have ended in time; the next command cannot succeed.
		if _, err := Run(t.Context(), client, Command{Line: "true"}); err == nil {
			t.Error("a command over a broken connection succeeded")
		}
	}
}

func TestTTY(t *testing.T) {
	s, client := dialed(t)
	resized := make(chan Size, 1)
	resized <- Size{Columns: 100, Rows: 30}
	in, out := io.Pipe()
	tty := &TTY{Size: Size{Columns: 80, Rows: 24}, Resized: resized}
	go func() {
		for {
			s.mu.Lock()
			known := len(s.sizes)
			s.mu.Unlock()
			if known == 2 {
				out.Close()
				return
			}
		}
	}()
	if code, err := Run(t.Context(), client, Command{Line: "cat", Stdin: in, TTY: tty}); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	if want := []Size{{80, 24}, {100, 30}}; s.sizes[0] != want[0] || s.sizes[1] != want[1] {
		t.Errorf("sizes %v, want %v", s.sizes, want)
	}
}

// TestTTYIsHungUp: sshd keeps a session open as long as any process has its terminal.
func TestTTYIsHungUp(t *testing.T) {
	_, client := dialed(t)
	in, typing := io.Pipe()
	defer typing.Close()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code, err := Run(ctx, client, Command{Line: "leave", Stdin: in, Stdout: &out, TTY: &TTY{Size: Size{Columns: 80, Rows: 24}}})
	if code != 7 || err != nil || out.String() != "bye!" {
		t.Errorf("got %d, %v, %q", code, err, out.String())
	}
}

func TestDialRefusesAnotherHostKey(t *testing.T) {
	_, config := startServer(t)
	_, other := makeKey(t, filepath.Join(t.TempDir(), "other"))
	_, port, _ := net.SplitHostPort(config.Address)
	if err := os.WriteFile(config.KnownHostsFile, []byte("[127.0.0.1]:"+port+" "+other), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), config); !errors.Is(err, ErrHostKey) {
		t.Errorf("got %v, want ErrHostKey", err)
	}
}

// TestDialSilentServer: a forwarded port accepts connections although nobody answers.
func TestDialSilentServer(t *testing.T) {
	_, config := startServer(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	config.Address = silent.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, config); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a banner timeout: %v", err)
	}
	config.BannerTimeout = 10 * time.Millisecond
	if _, err := Dial(t.Context(), config); err == nil || !strings.Contains(err.Error(), "banner") {
		t.Errorf("with a banner timeout: %v", err)
	}
}

func TestDialWithBannerTimeout(t *testing.T) {
	_, config := startServer(t)
	config.BannerTimeout = time.Minute
	client, err := Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
}

func TestConfigFile(t *testing.T) {
	want := Config{Address: "127.0.0.1:2222", User: "me", PrivateKeyFile: "/a dir/user", KnownHostsFile: "/a dir/known_hosts"}
	data, err := want.Format("rd")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ssh.config")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadConfig(path); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("Host rd\n  User me\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "HostName") {
		t.Errorf("an incomplete file: %v", err)
	}
}

func TestQuote(t *testing.T) {
	for _, arg := range []string{"", "a", "a b", "'", `'"'"'`, "$(x)", "`x`", `\`, "a\nb", "*", "~", "-n", "\x01\xff", "é"} {
		out, err := exec.Command("/bin/sh", "-c", "printf %s "+Quote(arg)).Output()
		if err != nil || string(out) != arg {
			t.Errorf("%q came back as %q, %v", arg, out, err)
		}
	}
}

// echo listens on a guest socket: it sends back what it received once its peer has closed its half.
func echo(t *testing.T, path string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			data, _ := io.ReadAll(conn)
			_, _ = conn.Write(data)
			_ = conn.Close()
		}
	}()
}

// ask sends text through a socket and returns the answer.
func ask(t *testing.T, path, text string) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
	_ = conn.(*net.UnixConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func TestForwardComesBack(t *testing.T) {
	s, config := startServer(t)
	dir, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hostSocket, guestSocket := filepath.Join(dir, "new", "host.sock"), filepath.Join(dir, "guest.sock")
	echo(t, guestSocket)
	link := NewLink(func(ctx context.Context) (*ssh.Client, error) { return Dial(ctx, config) })
	defer link.Close()
	listener, err := ListenUnix(hostSocket)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(hostSocket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	dial := func(ctx context.Context) (net.Conn, error) { return link.Dial(ctx, "unix", guestSocket) }
	go func() {
		Forward(ctx, listener, dial, slog.New(slog.DiscardHandler))
		close(served)
	}()
	if got := ask(t, hostSocket, "hello"); got != "hello" {
		t.Fatalf("got %q", got)
	}
	client, err := link.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.breakConnections()
	_ = client.Wait()
	if got := ask(t, hostSocket, "again"); got != "again" {
		t.Fatalf("after a break: got %q", got)
	}
	if s.accepted != 2 {
		t.Errorf("%d connections, want 2: one, and one after the break", s.accepted)
	}
	cancel()
	<-served
	if _, err := os.Stat(hostSocket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

func TestListenLeavesOthersAlone(t *testing.T) {
	dir, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	used, file, stale := filepath.Join(dir, "used"), filepath.Join(dir, "file"), filepath.Join(dir, "stale")
	echo(t, used)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	for path, want := range map[string]bool{used: false, file: false, stale: true} {
		listener, err := ListenUnix(path)
		if (err == nil) != want {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		if err == nil {
			listener.Close()
		}
		if err := RemoveStale(path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{used, file} {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s was removed", filepath.Base(path))
		}
	}
}

func TestKeepAliveClosesADeadConnection(t *testing.T) {
	_, config := startServer(t)
	proxy, freeze := freezableProxy(t, config.Address)
	known, err := os.ReadFile(config.KnownHostsFile)
	if err != nil {
		t.Fatal(err)
	}
	_, from, _ := net.SplitHostPort(config.Address)
	_, to, _ := net.SplitHostPort(proxy)
	if err := os.WriteFile(config.KnownHostsFile, bytes.ReplaceAll(known, []byte(":"+from+" "), []byte(":"+to+" ")), 0o600); err != nil {
		t.Fatal(err)
	}
	config.Address = proxy
	client, err := Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	close(freeze)
	KeepAlive(t.Context(), client, time.Millisecond, 20*time.Millisecond)
	if err := client.Wait(); err == nil {
		t.Error("the connection ended without an error")
	}
}

// freezableProxy forwards to address until freeze is closed; then it swallows everything.
func freezableProxy(t *testing.T, address string) (string, chan struct{}) {
	t.Helper()
	freeze := make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			t.Cleanup(func() { _, _ = client.Close(), server.Close() })
			carry := func(to io.Writer, from io.Reader) {
				buffer := make([]byte, 4096)
				for {
					n, err := from.Read(buffer)
					if err != nil {
						return
					}
					select {
					case <-freeze:
					default:
						_, _ = to.Write(buffer[:n])
					}
				}
			}
			go carry(server, client)
			go carry(client, server)
		}
	}()
	return listener.Addr().String(), freeze
}

// TestConnectionsOutliveTheirListener: what is connected goes on when a port is closed, both halves
// of it.
func TestConnectionsOutliveTheirListener(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ours, guests := net.Pipe()
	done := make(chan struct{})
	go func() {
		Forward(t.Context(), listener, func(context.Context) (net.Conn, error) { return guests, nil }, slog.New(slog.DiscardHandler))
		close(done)
	}()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(client, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(ours, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(ours, "still here") }()
	answer := make([]byte, len("still here"))
	if _, err := io.ReadFull(client, answer); err != nil || string(answer) != "still here" {
		t.Errorf("%q, %v", answer, err)
	}
	_ = client.Close()
	<-done
}

// TestDialDistinguishesARefusalFromABreak: a guest that refuses keeps its connection.
func TestDialDistinguishesARefusalFromABreak(t *testing.T) {
	s, config := startServer(t)
	link := NewLink(func(ctx context.Context) (*ssh.Client, error) { return Dial(ctx, config) })
	defer link.Close()
	for range 2 {
		var refused *ssh.OpenChannelError
		if _, err := link.Dial(t.Context(), "unix", "/nonexistent"); !errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
	}
	if s.accepted != 1 {
		t.Errorf("%d connections, want 1", s.accepted)
	}
}
