// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// freePorts returns ports of this host that were free a moment ago; the last begins a range of
// three.
func freePorts(t *testing.T) []int {
	t.Helper()
	var ports []int
	for range 4 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	for first := 20000; first < 30000; first += 3 {
		if free(first) && free(first+1) && free(first+2) {
			return append(ports, first)
		}
	}
	t.Fatal("no three free ports in a row")
	return nil
}

func free(port int) bool {
	listener, err := net.Listen("tcp", local(port))
	return err == nil && listener.Close() == nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// awaitForward waits until a forward of the host's end is shown that works, or, if not wanted, none
// is.
func (fx effects) awaitForward(host string, wanted bool) {
	fx.t.Helper()
	fx.await(effectsVM, func(m *limav1.LimaVM) bool {
		i := slices.IndexFunc(m.Status.PortForwards, func(f limav1.PortForward) bool { return f.Host == host })
		return wanted == (i >= 0 && m.Status.PortForwards[i].Error == "")
	})
}

// echoes checks that what is sent to an address comes back, after the end of what is sent.
func (fx effects) echoes(network, address string) {
	fx.t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		fx.t.Error(err)
		return
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		fx.t.Error(err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		fx.t.Error(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "hello\n" {
		fx.t.Errorf("%s: %q, %v", address, answer, err)
	}
}

func checkPortsCome(fx effects) {
	fx.in("sudo systemd-run --quiet --unit=fx-echo systemd-socket-activate --inetd -a" +
		" -l 127.0.0.1:8090 -l 127.0.0.1:8091 -l 0.0.0.0:8101 -l '[::1]:8092' -l /run/fx.sock cat" +
		" && while ! sudo chmod 666 /run/fx.sock; do sleep 0.2; done")
	for _, port := range []int{fx.tcp, fx.ranged + 1, fx.ipv6} {
		fx.awaitForward(local(port), true)
		fx.echoes("tcp", local(port))
	}
	for _, port := range []int{8090, 8091, fx.ranged, fx.ranged + 2} {
		if !free(port) {
			fx.t.Errorf("port %d of the host is taken without a reason", port)
		}
	}
	socket := filepath.Join(fx.dir(), "fx.sock")
	fx.awaitForward(socket, true)
	fx.echoes("unix", socket)
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		fx.t.Errorf("the socket: %v, %v", info, err)
	}
}

// checkConnectionOutlivesDaemon: a connection through a forwarded port goes on while the daemon
// dies and comes back.
func checkConnectionOutlivesDaemon(fx effects) {
	conn, err := net.Dial("tcp", local(fx.tcp))
	if err != nil {
		fx.t.Fatal(err)
	}
	defer conn.Close()
	exchange := func(text string) {
		fx.t.Helper()
		answer := make([]byte, len(text))
		if _, err := io.WriteString(conn, text); err != nil {
			fx.t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != text {
			fx.t.Fatalf("%q, %v", answer, err)
		}
	}
	exchange("before\n")
	victim := fx.daemon().Process
	fx.signal(victim, sigkill)
	fx.waitEnd(victim)
	exchange("without a daemon\n")
	fx.rdd("service", "start")
	exchange("with another daemon\n")
	fx.awaitForward(local(fx.tcp), true)
}

func checkPortsGo(fx effects) {
	fx.in("sudo systemctl stop fx-echo")
	for _, port := range []int{fx.tcp, fx.ranged + 1, fx.ipv6} {
		fx.awaitForward(local(port), false)
		if conn, err := net.Dial("tcp", local(port)); err == nil {
			conn.Close()
			fx.t.Errorf("the host still listens on port %d", port)
		}
	}
}

func checkUDP(fx effects) {
	fx.in(
		"sudo systemd-run --quiet --unit=fx-udp systemd-socket-activate -d -l 0.0.0.0:5399 bash -c 'dd bs=1500 count=1 <&3 >/run/fx-udp && " +
			"sleep infinity'",
	)
	fx.awaitForward(local(fx.udp), true)
	conn, err := net.Dial("udp", local(fx.udp))
	if err != nil {
		fx.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "a datagram"); err != nil {
		fx.t.Fatal(err)
	}
	fx.expect(fx.in("while ! [ -s /run/fx-udp ]; do sleep 0.2; done; cat /run/fx-udp"), "a datagram")
	fx.in("sudo systemctl stop fx-udp")
	fx.awaitForward(local(fx.udp), false)
	again, err := net.ListenPacket("udp4", local(fx.udp))
	if err != nil {
		fx.t.Fatalf("QEMU still has the port: %v", err)
	}
	again.Close()
}
