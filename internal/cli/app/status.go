// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
)

// statusReport is what `rdd status` prints; the JSON keys are an interface for scripts. What does
// not exist is absent.
type statusReport struct {
	Instance string             `json:"instance"`
	Daemon   *daemonReport      `json:"daemon,omitempty"`
	App      *appReport         `json:"app,omitempty"`
	VM       *resource.VMReport `json:"vm,omitempty"`
	Engine   *engineReport      `json:"engine,omitempty"`
	Docker   *dockerReport      `json:"docker,omitempty"`
	// Host are the host settings with a problem: with them docker does not find the VM by itself.
	Host      []hostconfig.Setting `json:"host,omitempty"`
	OtherVMs  []resource.VMReport  `json:"otherVMs,omitempty"`
	Unclaimed []resource.Unclaimed `json:"unclaimed,omitempty"`
}

type daemonReport struct {
	PID     int         `json:"pid"`
	Port    int         `json:"port"`
	Started metav1.Time `json:"started"`
	Version string      `json:"version"`
}

type appReport struct {
	Wanted  string        `json:"wanted"`
	Settled bool          `json:"settled"`
	State   explain.State `json:"state"`
}

// engineReport is the container engine by the conditions of its controller.
type engineReport struct {
	Name    string        `json:"name"`
	Version string        `json:"version,omitempty"`
	Ready   bool          `json:"ready"`
	State   explain.State `json:"state"`
}

type dockerReport struct {
	Socket  string `json:"socket"`
	Answers bool   `json:"answers"`
}

func statusCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the daemon, the App, its VM and what is waited for",
		Long: `Status shows the whole picture on one screen: the daemon, the App, its VM with what it is doing, for how long and
what it waits for, its ports and accelerator, the Docker socket, other VMs, and instance directories that no LimaVM claims
with the commands to take them back or remove them.

When something does not move on, rdd why says what is in the way.`,
		Example: `  rdd status
  rdd status -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), session.RequestTimeout)
		defer cancel()
		report, err := gatherStatus(ctx, s)
		if err != nil {
			return err
		}
		return output.Print(s.Out, report, func(w io.Writer) { report.table(w, time.Now()) })
	}
	return cmd
}

func gatherStatus(ctx context.Context, s *session.Session) (*statusReport, error) {
	inst, err := s.Instance()
	if err != nil {
		return nil, err
	}
	report := &statusReport{Instance: inst.Name}
	machines := &limav1.LimaVMList{}
	exists, err := s.InstanceExists()
	if err == nil && exists {
		err = askStatus(ctx, s, inst, report, machines)
	}
	if err != nil {
		return nil, err
	}
	report.Unclaimed, err = resource.ListUnclaimed(ctx, s, machines.Items)
	if errors.Is(err, errors.ErrUnsupported) {
		return report, nil
	}
	return report, err
}

// askStatus fills in what the API says, and appends the LimaVMs to machines.
func askStatus(ctx context.Context, s *session.Session, inst instance.Instance, report *statusReport, machines *limav1.LimaVMList) error {
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	report.Daemon = &daemonReport{
		PID: c.Daemon.Process.PID, Port: c.Daemon.Port, Version: c.Daemon.Build.Version, Started: metav1.NewTime(c.Daemon.Started),
	}
	app, err := resource.App(ctx, c)
	if err != nil {
		return err
	}
	if err := c.List(ctx, machines); err != nil {
		return fmt.Errorf("listing LimaVMs: %w", err)
	}
	events, err := resource.EventsByObject(ctx, c)
	if err != nil {
		return err
	}
	report.App = reportApp(app)
	if app != nil {
		report.Host = hostProblems(s, inst)
	}
	for _, machine := range machines.Items {
		vm := resource.ReportVM(s, machine, events[machine.UID], time.Now())
		if app != nil && metav1.IsControlledBy(&machine, app) {
			report.VM = &vm
		} else {
			report.OtherVMs = append(report.OtherVMs, vm)
		}
	}
	if report.VM != nil {
		report.Engine = reportEngine(app)
	}
	if report.VM != nil && app.Spec.ContainerEngine.Name == appv1.EngineMoby {
		socket := inst.DockerSocket()
		report.Docker = &dockerReport{Socket: socket, Answers: hostconfig.Answers(ctx, "unix", socket)}
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
		Wanted:  resource.WantedText(app.Spec.Running),
		Settled: current && settled.Status == metav1.ConditionTrue,
		State:   explain.ConditionState(settled),
	}
	if app.DeletionTimestamp != nil {
		report.Wanted = "deleted"
	}
	return report
}

// reportEngine returns nil where the controller of container engines does not run.
func reportEngine(app *appv1.App) *engineReport {
	ready := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionContainerEngineReady)
	if ready == nil {
		return nil
	}
	report := &engineReport{
		Name: string(app.Spec.ContainerEngine.Name), Ready: ready.Status == metav1.ConditionTrue, State: explain.ConditionState(ready),
	}
	if report.Ready {
		report.Version = app.Status.ContainerEngine.Version
	}
	return report
}

// hostProblems returns the host settings with a problem. That they cannot be read is one as well.
func hostProblems(s *session.Session, inst instance.Instance) []hostconfig.Setting {
	settings, err := s.HostSettings(inst)
	if err != nil {
		return []hostconfig.Setting{{Name: "integration", Problem: err.Error()}}
	}
	return slices.DeleteFunc(settings, func(t hostconfig.Setting) bool { return t.Problem == "" })
}
