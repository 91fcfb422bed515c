// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/instance"
)

// statusReport is what `rdd status` prints. Absent parts do not exist.
type statusReport struct {
	Instance  string            `json:"instance"`
	Daemon    *daemonReport     `json:"daemon,omitempty"`
	App       *appReport        `json:"app,omitempty"`
	VM        *vmReport         `json:"vm,omitempty"`
	Docker    *dockerReport     `json:"docker,omitempty"`
	OtherVMs  []vmReport        `json:"otherVMs,omitempty"`
	Unclaimed []unclaimedReport `json:"unclaimed,omitempty"`
}

type daemonReport struct {
	PID     int         `json:"pid"`
	Port    int         `json:"port"`
	Started metav1.Time `json:"started"`
	Version string      `json:"version"`
}

// stateReport is where something stands: a condition in the words of the API.
type stateReport struct {
	// State is the condition's reason.
	State string `json:"state"`
	// Message says why, or what is waited for.
	Message string       `json:"message,omitempty"`
	Since   *metav1.Time `json:"since,omitempty"`
}

type appReport struct {
	Wanted  string      `json:"wanted"`
	Settled bool        `json:"settled"`
	State   stateReport `json:"state"`
}

type vmReport struct {
	Namespace   string      `json:"namespace"`
	Name        string      `json:"name"`
	State       stateReport `json:"state"`
	SSHPort     int32       `json:"sshPort,omitempty"`
	Accelerator string      `json:"accelerator,omitempty"`
	BootID      string      `json:"bootID,omitempty"`
	Restarts    int64       `json:"starts,omitempty"`
}

type dockerReport struct {
	Socket  string `json:"socket"`
	Answers bool   `json:"answers"`
}

func (r *root) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the daemon, the App, its VM and what is waited for",
		Long: `Status shows the whole picture: the daemon, the App, its VM with what it waits for and since when, the
Docker socket, other VMs, and instance directories that no LimaVM claims.`,
		Example: `  rdd status
  rdd status -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), requestTimeout)
		defer cancel()
		report, err := r.status(ctx)
		if err != nil {
			return err
		}
		return output.print(r.out, report, func(w io.Writer) { report.table(w, time.Now()) })
	}
	return cmd
}

func (r *root) status(ctx context.Context) (*statusReport, error) {
	inst, err := r.instance()
	if err != nil {
		return nil, err
	}
	report := &statusReport{Instance: inst.Name}
	machines := &limav1.LimaVMList{}
	exists, err := r.instanceExists()
	if err == nil && exists {
		err = r.askStatus(ctx, inst, report, machines)
	}
	if err != nil {
		return nil, err
	}
	report.Unclaimed, err = unclaimed(inst.LimaHome(), machines.Items)
	return report, err
}

// askStatus fills in what the API and the daemon know.
func (r *root) askStatus(ctx context.Context, inst instance.Instance, report *statusReport, machines *limav1.LimaVMList) error {
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	report.Daemon = &daemonReport{
		PID: c.Daemon.Process.PID, Port: c.Daemon.Port, Version: c.Daemon.Build.Version, Started: metav1.NewTime(c.Daemon.Started),
	}
	app, err := getApp(ctx, c)
	if err != nil {
		return err
	}
	if err := c.List(ctx, machines); err != nil {
		return fmt.Errorf("listing LimaVMs: %w", err)
	}
	report.App = reportApp(app)
	for _, machine := range machines.Items {
		if app != nil && metav1.IsControlledBy(&machine, app) {
			vm := reportVM(machine)
			report.VM = &vm
		} else {
			report.OtherVMs = append(report.OtherVMs, reportVM(machine))
		}
	}
	if report.VM != nil {
		socket := inst.DockerSocket()
		report.Docker = &dockerReport{Socket: socket, Answers: dockerAnswers(ctx, socket)}
	}
	return nil
}

func reportApp(app *appv1.App) *appReport {
	if app == nil {
		return nil
	}
	settled := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionSettled)
	current := settled != nil && settled.ObservedGeneration >= app.Generation
	report := &appReport{
		Wanted:  wantedText(app.Spec.Running),
		Settled: current && settled.Status == metav1.ConditionTrue,
		State:   reportState(settled),
	}
	if app.DeletionTimestamp != nil {
		report.Wanted = "deleted"
	}
	return report
}

func wantedText(running bool) string {
	if running {
		return "running"
	}
	return "stopped"
}

func reportVM(machine limav1.LimaVM) vmReport {
	created := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
	state := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionRunning)
	if created == nil || created.Status != metav1.ConditionTrue {
		state = created
	}
	return vmReport{
		Namespace: machine.Namespace, Name: machine.Name, State: reportState(state),
		SSHPort: machine.Status.SSHLocalPort, Accelerator: machine.Status.Accelerator,
		BootID: machine.Status.BootID, Restarts: machine.Status.RestartCount,
	}
}

func reportState(c *metav1.Condition) stateReport {
	if c == nil {
		return stateReport{State: "Unknown", Message: "its controller has not looked at it yet"}
	}
	return stateReport{State: c.Reason, Message: c.Message, Since: &c.LastTransitionTime}
}

// text is the state on one line.
func (s stateReport) text(now time.Time) string {
	text := s.State
	if s.Since != nil {
		text += " for " + duration.HumanDuration(now.Sub(s.Since.Time))
	}
	if s.Message != "" {
		text += ": " + s.Message
	}
	return text
}

// table writes the report for people.
func (s *statusReport) table(w io.Writer, now time.Time) {
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	if s.Daemon == nil {
		row("Daemon", "instance %s does not exist; to make it: rdd start", s.Instance)
	} else {
		row("Daemon", "running for %s (pid %d, port %d, version %s, instance %s)",
			duration.HumanDuration(now.Sub(s.Daemon.Started.Time)), s.Daemon.PID, s.Daemon.Port, s.Daemon.Version, s.Instance)
	}
	switch {
	case s.App != nil && s.App.Settled:
		row("App", "%s, as wanted", s.App.Wanted)
	case s.App != nil:
		row("App", "wanted %s; %s", s.App.Wanted, s.App.State.text(now))
	case s.Daemon != nil:
		row("App", "does not exist; to make it: rdd start")
	}
	if s.VM != nil {
		row("VM", "%s/%s %s", s.VM.Namespace, s.VM.Name, s.VM.State.text(now))
		s.VM.details(row)
	}
	if s.Docker != nil {
		row("Docker", "unix://%s %s", s.Docker.Socket, map[bool]string{true: "answers", false: "does not answer"}[s.Docker.Answers])
	}
	for _, other := range s.OtherVMs {
		row("Other VM", "%s/%s %s", other.Namespace, other.Name, other.State.text(now))
	}
	for _, u := range s.Unclaimed {
		row("Unclaimed", "%s", u.text())
	}
}

func (v *vmReport) details(row func(name, format string, args ...any)) {
	if v.SSHPort != 0 {
		row("SSH", "127.0.0.1:%d (rdd shell)", v.SSHPort)
	}
	if v.Accelerator != "" {
		row("Accelerator", "%s", v.Accelerator)
	}
}
