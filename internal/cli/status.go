// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/explain"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
)

// statusReport is what `rdd status` prints. Absent parts do not exist.
type statusReport struct {
	Instance string        `json:"instance"`
	Daemon   *daemonReport `json:"daemon,omitempty"`
	App      *appReport    `json:"app,omitempty"`
	VM       *vmReport     `json:"vm,omitempty"`
	Engine   *engineReport `json:"engine,omitempty"`
	Docker   *dockerReport `json:"docker,omitempty"`
	// Host is what keeps docker on the host from finding the VM by itself.
	Host      []hostconfig.Thing `json:"host,omitempty"`
	OtherVMs  []vmReport         `json:"otherVMs,omitempty"`
	Unclaimed []unclaimedReport  `json:"unclaimed,omitempty"`
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

type vmReport struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Wanted    string        `json:"wanted"`
	State     explain.State `json:"state"`
	SSHPort   int32         `json:"sshPort,omitempty"`
	// Accelerator in use, and why it is this one.
	Accelerator       string `json:"accelerator,omitempty"`
	AcceleratorReason string `json:"acceleratorReason,omitempty"`
	BootID            string `json:"bootID,omitempty"`
	Restarts          int64  `json:"starts,omitempty"`
	RestartNeeded     bool   `json:"restartNeeded,omitempty"`
	// Failure is what failed last and has not been cured since; absent when there is none.
	Failure *limav1.Failure `json:"failure,omitempty"`
	// Deaths of late; absent when there were none.
	Deaths       *explain.Deaths      `json:"deaths,omitempty"`
	PortForwards []limav1.PortForward `json:"portForwards,omitempty"`
}

// engineReport is what the container engine controller says.
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

func (r *root) statusCommand() *cobra.Command {
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
	events, err := eventsByObject(ctx, c)
	if err != nil {
		return err
	}
	report.App = reportApp(app)
	if app != nil {
		report.Host = r.hostProblems(inst)
	}
	for _, machine := range machines.Items {
		vm := reportVM(machine, events[machine.UID], inst.CacheDir, time.Now())
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

// eventsByObject lists the Events of each object, by its UID, in order of time.
func eventsByObject(ctx context.Context, c ctrl.Reader) (map[types.UID][]explain.Event, error) {
	list := &corev1.EventList{}
	if err := c.List(ctx, list); err != nil {
		return nil, fmt.Errorf("listing Events: %w", err)
	}
	raw := map[types.UID][]corev1.Event{}
	for _, e := range list.Items {
		raw[e.InvolvedObject.UID] = append(raw[e.InvolvedObject.UID], e)
	}
	events := map[types.UID][]explain.Event{}
	for uid, list := range raw {
		events[uid] = explain.Events(list)
	}
	return events, nil
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
		State:   explain.Conditioned(settled),
	}
	if app.DeletionTimestamp != nil {
		report.Wanted = "deleted"
	}
	return report
}

// reportEngine returns nil where nobody looks after engines.
func reportEngine(app *appv1.App) *engineReport {
	ready := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionContainerEngineReady)
	if ready == nil {
		return nil
	}
	report := &engineReport{Name: string(app.Spec.ContainerEngine.Name), Ready: ready.Status == metav1.ConditionTrue, State: explain.Conditioned(ready)}
	if report.Ready {
		report.Version = app.Status.ContainerEngine.Version
	}
	return report
}

func wantedText(running bool) string {
	if running {
		return "running"
	}
	return "stopped"
}

func reportVM(limaVM limav1.LimaVM, events []explain.Event, cacheDir string, now time.Time) vmReport {
	status := limaVM.Status
	return vmReport{
		Namespace: limaVM.Namespace, Name: limaVM.Name, Wanted: wantedText(limaVM.Spec.Running),
		State: explain.Machine(&limaVM, events), Failure: status.Failure, Deaths: explain.LastDeaths(events, now),
		SSHPort: status.SSHLocalPort, Accelerator: status.Accelerator, AcceleratorReason: machine.Reason(cacheDir, status.Accelerator),
		BootID: status.BootID, Restarts: status.RestartCount, RestartNeeded: status.RestartNeeded, PortForwards: status.PortForwards,
	}
}
