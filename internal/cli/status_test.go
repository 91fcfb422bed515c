// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/explain"
)

func TestUnclaimedDirectories(t *testing.T) {
	home := t.TempDir()
	for name, record := range map[string]string{
		"rd":  `{"engine":"qemu","owner":{"uid":"1","namespace":"default","name":"rd"}}`,
		"old": `{"engine":"qemu","owner":{"uid":"2","namespace":"work","name":"old"}}`, "foreign": "", "damaged": "{", ".staging": "", "_config": "",
	} {
		if err := os.Mkdir(filepath.Join(home, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if record == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(home, name, "rdd.json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := unclaimed(home, []limav1.LimaVM{{ObjectMeta: metav1.ObjectMeta{UID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []unclaimedReport{
		{Name: "damaged", Dir: filepath.Join(home, "damaged"), Damaged: true},
		{Name: "foreign", Dir: filepath.Join(home, "foreign")},
		{Name: "old", Dir: filepath.Join(home, "old"), Owner: "work/old"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i, says := range []string{"rm -r '" + want[0].Dir, "leaves it alone", "rdd limavm adopt old; to remove it with its disk: rdd limavm delete old --unclaimed"} {
		if text := got[i].text(); !strings.Contains(text, says) {
			t.Errorf("%q does not say %q", text, says)
		}
	}
	if got, err := unclaimed(filepath.Join(home, "none"), nil); got != nil || err != nil {
		t.Errorf("without a directory: %v, %v", got, err)
	}
}

func TestStatusTable(t *testing.T) {
	now := time.Unix(10000, 0)
	since := metav1.NewTime(now.Add(-90 * time.Second))
	report := statusReport{
		Instance: "2",
		Daemon:   &daemonReport{PID: 7, Port: 6445, Version: "v1", Started: since},
		App:      &appReport{Wanted: "running", State: explain.State{State: "WaitingForLimaVM", Message: "booting", Since: &since}},
		VM: &vmReport{
			Namespace: "default", Name: "rd", State: explain.State{State: "Starting", Message: "booting 2/5", Since: &since}, SSHPort: 40001,
			Accelerator: "tcg", AcceleratorReason: "no KVM", Restarts: 3,
			Deaths:       &explain.Deaths{Count: 2, Last: metav1.NewTime(now.Add(-20 * time.Second)), Cause: "QEMU ended\nwith 1"},
			PortForwards: []limav1.PortForward{{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "address already in use"}, {Protocol: "udp", Host: "127.0.0.1:53", Guest: "127.0.0.1:53"}},
		},
		Docker: &dockerReport{Socket: "/h/.rd2/docker.sock"},
		OtherVMs: []vmReport{
			{Namespace: "work", Name: "dev", State: explain.State{State: "Started", Since: &since}, RestartNeeded: true},
			{
				Namespace: "work", Name: "dies", State: explain.State{State: "Starting", Message: "it ended by itself: boom", Since: &since},
				Deaths: &explain.Deaths{Count: 1, Last: since, Cause: "boom", Message: "it ended by itself: boom"},
			},
		},
		Unclaimed: []unclaimedReport{{Name: "x", Dir: "/l/x"}},
	}
	var out strings.Builder
	if err := outputFlag("table").print(&out, report, func(w io.Writer) { report.table(w, now) }); err != nil {
		t.Fatal(err)
	}
	want := `Daemon        running for 90s (pid 7, port 6445, version v1, instance 2)
App           wanted running; WaitingForLimaVM for 90s: booting
              what is in the way: rdd why
VM            default/rd Starting: booting 2/5 for 90s; ended by itself 2 times lately, the last time 20s ago: QEMU ended …
SSH           127.0.0.1:40001 (rdd shell)
Accelerator   tcg: no KVM
Starts        3
Port          127.0.0.1:80 does not lead to 127.0.0.1:80 in the guest: address already in use
Port          127.0.0.1:53 (udp) leads to 127.0.0.1:53 in the guest
Docker        unix:///h/.rd2/docker.sock does not answer
Other VM      work/dev Running for 90s; to be restarted
Other VM      work/dies Starting for 90s; ended by itself once lately, the last time 90s ago: boom
Unclaimed     /l/x: rdd did not make it and leaves it alone
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestListTable(t *testing.T) {
	now := time.Unix(10000, 0)
	since := metav1.NewTime(now.Add(-12 * time.Second))
	machines := []listed{
		{vmReport{
			Namespace: "default", Name: "dev", Wanted: "running", State: explain.State{State: "Starting", Message: "booting 2/5", Since: &since},
			Restarts: 1, SSHPort: 40001, Accelerator: "tcg", PortForwards: []limav1.PortForward{{Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "busy"}},
		}, now.Add(-time.Hour)},
		{vmReport{Namespace: "work", Name: "off", Wanted: "stopped", State: explain.State{State: "Stopped", Since: &since}}, now.Add(-time.Minute)},
	}
	for wide, want := range map[bool]string{
		false: `NAMESPACE   NAME   WANTED    SSH     STARTS   AGE   DOING
default     dev    running   40001   1        60m   Starting: booting 2/5 for 12s
work        off    stopped   -       0        60s   Stopped for 12s
`,
		true: `NAMESPACE   NAME   WANTED    SSH     STARTS   AGE   ACCEL   PORTS                         DOING
default     dev    running   40001   1        60m   tcg     127.0.0.1:80->127.0.0.1:80!   Starting: booting 2/5 for 12s
work        off    stopped   -       0        60s   -       -                             Stopped for 12s
`,
	} {
		var out strings.Builder
		if err := outputFlag("table").print(&out, nil, func(w io.Writer) { listTable(w, machines, now, wide) }); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("wide %t: got\n%s\nwant\n%s", wide, out.String(), want)
		}
	}
}

func TestListFormat(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  outputFlag
		wide  bool
		err   bool
	}{{"wide", "table", true, false}, {"json", "json", false, false}, {"table", "table", false, false}, {"xml", "table", false, true}} {
		f := &listFormat{outputFlag: "table"}
		if err := f.Set(tt.value); (err != nil) != tt.err || f.outputFlag != tt.want || f.wide != tt.wide {
			t.Errorf("%s: got %v, %v", tt.value, *f, err)
		}
	}
}
