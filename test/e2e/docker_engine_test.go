// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// checkEngineKilled: dockerd dies in the guest. It answers again, and what is to be there whatever happens runs and is reached.
func (d docker) checkEngineKilled() {
	port := d.published(1)[0]
	d.do("run", "-d", "--name", "serving", "--restart", "always", "-p", local(port)+":80", "tools", "answer", "80")
	d.awaitAnswers(time.Now(), map[string][]int{"tcp": {port}})
	before := d.rdd("shell", "systemctl", "show", "--property", "MainPID", "--value", "docker")
	d.rdd("shell", "sudo kill -9 "+before)
	killed := time.Now()
	d.until("Docker", func() bool { return d.tryIn(nil, "version").code == 0 })
	d.t.Logf("MEASURED: Docker answers %.1f s after dockerd was killed", time.Since(killed).Seconds())
	if after := d.rdd("shell", "systemctl", "show", "--property", "MainPID", "--value", "docker"); after == before {
		d.t.Errorf("dockerd is still process %s", after)
	}
	for _, name := range []string{lasting, "serving"} {
		d.until("the container "+name, func() bool { return d.tryIn(nil, "exec", name, "true").code == 0 })
	}
	d.awaitAnswers(killed, map[string][]int{"tcp": {port}})
}

// checkMachineKilled: QEMU dies while a log is followed. The client does not hang, and the machine comes back by itself, with volumes and
// containers.
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
	d.await(appVM, func(m *limav1.LimaVM) bool {
		return reason(m, limav1.ConditionRunning) == limav1.ReasonStarted && m.Status.BootID != before
	})
	d.t.Logf("MEASURED: the machine runs %.1f s after QEMU was killed", time.Since(killed).Seconds())
	d.until("the container "+lasting, func() bool { return d.tryIn(nil, "exec", lasting, "true").code == 0 })
	d.expect(d.do("exec", lasting, "cat", "/data/file"), "to the volume")
}
