// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net"
	"strconv"
	"strings"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/process"
)

// onLoopback is a container whose ports are published on 127.0.0.1.
const onLoopback = "onloopback"

// checkEngineKilled: dockerd is killed in the guest. It answers again, and a container that
// restarts always runs and is reached.
func (d docker) checkEngineKilled() {
	port := d.published(1)[0]
	d.do(
		"run", "-d", "--name", onLoopback, "--restart", "always", "-p", local(port)+":80", "-p", local(port)+":80/udp", "tools", "answer", "80",
	)
	d.awaitAnswers("docker run -d has returned", time.Now(), map[string][]int{"tcp": {port}, "udp": {port}})
	before := d.rdd("shell", "systemctl", "show", "--property", "MainPID", "--value", "docker")
	d.rdd("shell", "sudo kill -9 "+before)
	killed := time.Now()
	d.until("Docker", func() bool { return d.tryIn(nil, "version").code == 0 })
	d.t.Logf("MEASURED: Docker answers %.1f s after dockerd was killed", time.Since(killed).Seconds())
	if after := d.rdd("shell", "systemctl", "show", "--property", "MainPID", "--value", "docker"); after == before {
		d.t.Errorf("dockerd is still process %s", after)
	}
	for _, name := range []string{lasting, onLoopback} {
		d.until("the container "+name, func() bool { return d.tryIn(nil, "exec", name, "true").code == 0 })
	}
	d.awaitAnswers("dockerd was killed", killed, map[string][]int{"tcp": {port}, "udp": {port}})
}

// checkMachineKilled: QEMU is killed while a log is followed. The client does not hang, and the
// machine is started again by itself, with volumes and containers.
func (d docker) checkMachineKilled() {
	d.do("exec", lasting, "sync")
	before := d.bootIDOf(appVM)
	cmd, out := d.begin("docker", "logs", "-f", "--tail", "1", lasting)
	out.await(d.t, `line \d+\n`)
	guest := d.guest()
	d.signal(guest, sigkill)
	killed := time.Now()
	if code := d.end(cmd, out); code == 0 {
		d.t.Error("a followed log whose machine died ended as if all were well")
	}
	d.awaitBoot(before)
	d.t.Logf("MEASURED: the machine runs %.1f s after QEMU was killed", time.Since(killed).Seconds())
	d.until("the container "+lasting, func() bool { return d.tryIn(nil, "exec", lasting, "true").code == 0 })
	d.expect(d.do("exec", lasting, "cat", "/data/file"), "to the volume")
}

// checkPowerLost: all processes are killed at once, as when the host loses power. The next command
// starts the machine again, and does not go by the status from before.
func (d docker) checkPowerLost() {
	victims := []process.Identity{d.daemon().Process, d.hostagent(), d.guest()}
	for _, victim := range victims {
		d.signal(victim, sigkill)
	}
	for _, victim := range victims {
		d.waitEnd(victim)
	}
	d.expect(d.rdd("run", timeout, "docker", "run", "--rm", "-v", "kept:/data", "tools", "cat", "/data/file"), "to the volume")
}

// awaitBoot waits until the machine runs with another boot ID than before.
func (d docker) awaitBoot(before string) {
	d.t.Helper()
	d.await(appVM, func(m *limav1.LimaVM) bool {
		return reason(m, limav1.ConditionRunning) == limav1.ReasonStarted && m.Status.BootID != before
	})
}

// checkExposed: with exposePorts, what is published on every address of the guest is reached on
// every address of the host, and what is published on 127.0.0.1 is not.
func (d docker) checkExposed() {
	shared, alone := d.hostPort(everywhere), d.hostPort(onLoopback)
	d.checkOnlyLocal(shared)
	before := d.bootIDOf(appVM)
	d.rdd("ctl", "patch", "app", "app", "--type=merge", "-p", `{"spec":{"virtualMachine":{"exposePorts":true}}}`)
	d.awaitBoot(before)
	for _, network := range []string{"tcp", "udp"} {
		for _, address := range []string{local(shared), local(alone)} {
			d.until(network+" "+address, func() bool { return answers(network, address) })
		}
	}
	d.until("tcp "+otherAddress(shared), func() bool { return answers("tcp", otherAddress(shared)) })
	// QEMU answers UDP from the host's address towards the client, here 127.0.0.1. This client would
	// not accept the answer: it sent to another address.
	if freePackets(otherAddress(shared)) {
		d.t.Errorf("UDP port %d is not taken on every address", shared)
	}
	d.checkOnlyLocal(alone)
}

// hostPort is the host's port of the one that a container has published.
func (d docker) hostPort(container string) int {
	d.t.Helper()
	_, port, err := net.SplitHostPort(strings.Split(d.do("port", container, "80/tcp"), "\n")[0])
	if err != nil {
		d.t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		d.t.Fatal(err)
	}
	return number
}
