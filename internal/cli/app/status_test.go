// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/daemon/presence"
)

func TestStatusTable(t *testing.T) {
	now := time.Unix(10000, 0)
	since := metav1.NewTime(now.Add(-90 * time.Second))
	report := statusReport{
		Instance: "2",
		Daemon:   &daemonReport{PID: 7, Port: 6445, Version: "v1", Started: since},
		App:      &appReport{Wanted: "running", State: explain.State{State: "WaitingForLimaVM", Message: "booting", Since: &since}},
		VM: &resource.VMReport{
			Namespace: "default", Name: "rd", State: explain.State{State: "Starting", Message: "booting 2/5", Since: &since}, SSHPort: 40001,
			Accelerator: "tcg", AcceleratorReason: "no KVM", Restarts: 3,
			UnexpectedExits: &explain.UnexpectedExits{Count: 2, Last: metav1.NewTime(now.Add(-20 * time.Second)), Cause: "QEMU ended\nwith 1"},
			FailedUnits:     []limav1.FailedUnit{{Name: "containerd.service", Reason: "exit code 1"}, {Name: "docker.service"}},
			PortForwards: []limav1.PortForward{
				{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "address already in use"},
				{Protocol: "udp", Host: "127.0.0.1:53", Guest: "127.0.0.1:53"},
				{Protocol: "tcp", Guest: "10.0.2.15:81", Error: "it is on an address of the guest's own"},
			},
		},
		Docker: &dockerReport{Socket: "/h/.rd2/docker.sock"},
		OtherVMs: []resource.VMReport{
			{Namespace: "work", Name: "dev", State: explain.State{State: "Started", Since: &since}, RestartNeeded: true},
			{
				Namespace: "work", Name: "dies", State: explain.State{State: "Starting", Message: "it ended by itself: boom", Since: &since},
				UnexpectedExits: &explain.UnexpectedExits{Count: 1, Last: since, Cause: "boom", Message: "it ended by itself: boom"},
			},
		},
		Unclaimed: []resource.Unclaimed{{Name: "x", Dir: "/l/x"}},
	}
	var out strings.Builder
	if err := session.OutputFormat("table").Print(&out, report, func(w io.Writer) { report.table(w, now) }); err != nil {
		t.Fatal(err)
	}
	want := `Daemon        running for 90s (pid 7, port 6445, version v1, instance 2)
App           wanted running; WaitingForLimaVM for 90s: booting
              what is in the way: rdd why
VM            default/rd Starting: booting 2/5 for 90s; ended by itself 2 times lately, the last time 20s ago: QEMU ended …
SSH           127.0.0.1:40001 (rdd shell)
Accelerator   tcg: no KVM
Starts        3
Unit          containerd.service fails in the guest: exit code 1
Unit          docker.service fails in the guest
Port          127.0.0.1:80 does not lead to 127.0.0.1:80 in the guest: address already in use
Port          127.0.0.1:53 (udp) leads to 127.0.0.1:53 in the guest
Port          10.0.2.15:81 in the guest is not forwarded: it is on an address of the guest's own
Docker        unix:///h/.rd2/docker.sock does not answer
Other VM      work/dev Running for 90s; to be restarted
Other VM      work/dies Starting for 90s; ended by itself once lately, the last time 90s ago: boom
Unclaimed     /l/x: rdd did not make it and leaves it alone
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestStatusOfStore(t *testing.T) {
	for want, health := range map[string]*presence.StoreHealth{
		"": {Free: 1 << 40},
		"Store|full, nothing new can be made: no room: 1 MB are free in /d, the last 64 MB are kept for deletions": {
			Dir: "/d", Free: 1 << 20, Reserve: 64 << 20, Short: true,
		},
		"Store|fails: boom (since 2031-05-06 07:08:09)": {
			Failure: &presence.StoreFailure{Message: "boom", Since: time.Date(2031, 5, 6, 7, 8, 9, 0, time.Local)},
		},
		"Store|has objects that cannot be read: /x; to see all: rdd service repair --list": {Bad: []presence.BadObject{{Key: "/x"}}},
	} {
		var rows []string
		(&statusReport{Store: health}).storeRows(func(name, format string, args ...any) {
			rows = append(rows, name+"|"+fmt.Sprintf(format, args...))
		})
		if got := strings.Join(rows, "\n"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
