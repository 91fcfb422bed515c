// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
)

func TestListTable(t *testing.T) {
	now := time.Unix(10000, 0)
	since := metav1.NewTime(now.Add(-12 * time.Second))
	machines := []listed{
		{resource.VMReport{
			Namespace: "default", Name: "dev", Wanted: "running", State: explain.State{State: "Starting", Message: "booting 2/5", Since: &since},
			Restarts: 1, SSHPort: 40001, Accelerator: "tcg", PortForwards: []limav1.PortForward{
				{Guest: "10.0.2.15:81", Error: "on an address of the guest's own"},
				{Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "busy"},
			},
		}, now.Add(-time.Hour)},
		{
			resource.VMReport{Namespace: "work", Name: "off", Wanted: "stopped", State: explain.State{State: "Stopped", Since: &since}},
			now.Add(-time.Minute),
		},
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
		if err := session.OutputFormat("table").Print(&out, nil, func(w io.Writer) { listTable(w, machines, now, wide) }); err != nil {
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
		want  session.OutputFormat
		wide  bool
		err   bool
	}{{"wide", "table", true, false}, {"json", "json", false, false}, {"table", "table", false, false}, {"xml", "table", false, true}} {
		f := &listFormat{OutputFormat: "table"}
		if err := f.Set(tt.value); (err != nil) != tt.err || f.OutputFormat != tt.want || f.wide != tt.wide {
			t.Errorf("%s: got %v, %v", tt.value, *f, err)
		}
	}
}

// TestListFlagsTogether: with --quiet, --output is of no effect; other pairs are refused.
func TestListFlagsTogether(t *testing.T) {
	for _, tc := range []struct {
		flags string
		valid bool
	}{
		{"-q -o json", true},
		{"-q -o wide", true},
		{"-q", true},
		{"-q --json", false},
		{"-q --format yaml", false},
		{"-o json --json", false},
		{"-o json --format json", false},
		{"--json --format json", false},
	} {
		cmd := listCommand(&session.Session{})
		if err := cmd.ParseFlags(strings.Fields(tc.flags)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.ValidateFlagGroups(); (err == nil) != tc.valid {
			t.Errorf("%s: %v", tc.flags, err)
		}
	}
}

// TestTemplatesThatNeedAMachine: the trial has a view without values, and refuses only what no
// machine could make right.
func TestTemplatesThatNeedAMachine(t *testing.T) {
	for _, format := range []string{
		"{{index .Errors 0}}", "{{slice .Name 0 3}}", "{{(index .LimaVM.Status.Conditions 0).Type}}", "{{.LimaVM.Status.Failure.Message}}",
		"{{.LimaVM.DeletionTimestamp.Unix}}", `{{index .LimaVM.Labels "a"}}`,
	} {
		if _, err := viewPrinter(io.Discard, format); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
	for _, format := range []string{"{{.Nam}}", "{{.LimaVM.Status.Sate}}", "{{nothing .Name}}", "{{.Name", "{{json}}", "{{.Name 1}}"} {
		if _, err := viewPrinter(io.Discard, format); err == nil {
			t.Errorf("%s is taken", format)
		}
	}
	var out strings.Builder
	show, err := viewPrinter(&out, "{{slice .Name 0 3}} {{index .Errors 0}}")
	if err != nil {
		t.Fatal(err)
	}
	if err := show(instanceView{Name: "default", Errors: []string{"broken"}}); err != nil || out.String() != "def broken\n" {
		t.Errorf("printed %q, %v", out.String(), err)
	}
}
