// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// everywhere is a container whose port is published on every address.
const everywhere = "everywhere"

// published returns ports of this host that were free a moment ago, to be published.
func (d docker) published(number int) []int {
	d.t.Helper()
	var ports []int
	// Below the range that the system gives to clients, as what people publish.
	for port := 20000; len(ports) < number && port < 32000; port++ {
		if free(port) && freePackets(fmt.Sprintf("0.0.0.0:%d", port)) {
			ports = append(ports, port)
		}
	}
	if len(ports) < number {
		d.t.Fatalf("only %v are free", ports)
	}
	return ports
}

// answers tries once whether what is sent to an address comes back.
func answers(network, address string) bool {
	conn, err := net.Dial(network, address)
	if err != nil {
		return false
	}
	defer conn.Close()
	limit := 10 * time.Second
	if network == "udp" {
		limit = 300 * time.Millisecond // it may have been lost
	}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return false
	}
	const text = "is anybody there?"
	if _, err := io.WriteString(conn, text); err != nil {
		return false
	}
	answer := make([]byte, len(text))
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == text
}

// awaitAnswers waits until all ports answer, and logs how long each took.
func (d docker) awaitAnswers(after string, since time.Time, ports map[string][]int) {
	d.t.Helper()
	for _, network := range []string{"tcp", "udp"} {
		for _, port := range ports[network] {
			d.until(fmt.Sprintf("an answer of %s port %d", network, port), func() bool { return answers(network, local(port)) })
			d.t.Logf("MEASURED: %s port %d answers %d ms after %s", network, port, time.Since(since).Milliseconds(), after)
		}
	}
}

// checkPorts: published ports answer on 127.0.0.1 and on no other address, over TCP and UDP, and
// only as long as their container exists.
func (d docker) checkPorts() {
	ports := d.published(2)
	for i, address := range []string{"", "127.0.0.1:"} {
		port, name := ports[i], fmt.Sprintf("published%d", i)
		publish := fmt.Sprintf("%s%d:80", address, port)
		d.do("run", "-d", "--name", name, "-p", publish, "-p", publish+"/udp", "tools", "answer", "80")
		d.awaitAnswers("docker run -d has returned", time.Now(), map[string][]int{"tcp": {port}, "udp": {port}})
		d.t.Logf("published as %s", publish)
	}
	for _, port := range ports {
		d.checkOnlyLocal(port)
	}
	d.checkPrivilegedPort()
	d.do("rm", "-f", "published0", "published1")
	removed := time.Now()
	for _, port := range ports {
		d.until(fmt.Sprintf("the end of port %d", port), func() bool { return free(port) && freePackets(local(port)) })
	}
	d.t.Logf("MEASURED: the ports are free %d ms after docker rm -f has returned", time.Since(removed).Milliseconds())
	d.until("the end of the rules in the guest", func() bool {
		return !strings.Contains(d.rdd("shell", "sudo", "iptables", "-t", "nat", "-S"), "RDD-LOOPBACK")
	})
}

// freePackets reports whether a UDP address is free.
func freePackets(address string) bool {
	packets, err := net.ListenPacket("udp4", address)
	return err == nil && packets.Close() == nil
}

// otherAddress is a port of this host on another address than 127.0.0.1.
func otherAddress(port int) string { return fmt.Sprintf("127.0.0.2:%d", port) }

// checkOnlyLocal: another address of this host can still have the port.
func (d docker) checkOnlyLocal(port int) {
	d.t.Helper()
	other := otherAddress(port)
	listener, err := net.Listen("tcp", other)
	if err != nil {
		d.t.Errorf("TCP port %d is taken on every address: %v", port, err)
		return
	}
	if !freePackets(other) {
		d.t.Errorf("UDP port %d is taken on every address", port)
	}
	_ = listener.Close()
}

// checkPrivilegedPort: for a port that only root may bind, the API says what an ordinary user can
// do.
func (d docker) checkPrivilegedPort() {
	if os.Geteuid() == 0 {
		d.t.Log("not checked: root may have every port")
		return
	}
	d.do("run", "-d", "--name", "privileged", "-p", "127.0.0.1:53:80/udp", "tools", "answer", "80")
	d.awaitForward(53, func(f limav1.PortForward) bool { return strings.Contains(f.Error, "ip_unprivileged_port_start=53") })
	d.expectIn(d.rdd("status"), "permission denied")
	d.do("rm", "-f", "privileged")
}

// awaitForward waits until the API shows forwards of a port of this host, all as wanted.
func (d docker) awaitForward(port int, wanted func(limav1.PortForward) bool) {
	d.t.Helper()
	d.await(appVM, func(m *limav1.LimaVM) bool {
		all := slices.DeleteFunc(slices.Clone(m.Status.PortForwards), func(f limav1.PortForward) bool { return f.Host != local(port) })
		return len(all) > 0 && !slices.ContainsFunc(all, func(f limav1.PortForward) bool { return !wanted(f) })
	})
}

// checkPortConflict: the API names a port that another process of the host has. It works once it is
// free.
func (d docker) checkPortConflict() {
	port := d.published(1)[0]
	listener, err := net.Listen("tcp", local(port))
	if err != nil {
		d.t.Fatal(err)
	}
	defer listener.Close()
	packets, err := net.ListenPacket("udp4", local(port))
	if err != nil {
		d.t.Fatal(err)
	}
	defer packets.Close()
	publish := fmt.Sprintf("%d:80", port)
	d.do("run", "-d", "--name", everywhere, "--restart", "always", "-p", publish, "-p", publish+"/udp", "tools", "answer", "80")
	d.awaitForward(port, func(f limav1.PortForward) bool { return strings.Contains(f.Error, "already in use") })
	for _, proto := range []string{"tcp", "udp"} {
		d.until("the Event of "+proto, func() bool {
			output := d.rdd("ctl", "get", "events", "-n", "default", "--field-selector", "reason=PortConflict,involvedObject.kind=LimaVM,"+
				"involvedObject.name="+appVM,
				"-o", `jsonpath={range .items[*]}{.type} {.message}{"\n"}{end}`)
			return strings.Contains(output, fmt.Sprintf("Warning cannot forward %s %s", proto, local(port)))
		})
	}
	status := d.rdd("status")
	d.expectIn(status, local(port))
	d.expectIn(status, "already in use")

	if err := listener.Close(); err != nil {
		d.t.Fatal(err)
	}
	if err := packets.Close(); err != nil {
		d.t.Fatal(err)
	}
	given := time.Now()
	d.until("the port", func() bool { return answers("tcp", local(port)) && answers("udp", local(port)) })
	d.t.Logf("MEASURED: both ports answer %d ms after they were given up", time.Since(given).Milliseconds())
	d.awaitForward(port, func(f limav1.PortForward) bool { return f.Error == "" })
}
