// SPDX-License-Identifier: Apache-2.0

package why

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
)

// gather collects the facts about the LimaVM name, or about the App when name is empty. It starts
// nothing. That the daemon cannot be asked is a fact as well, not an error.
func gather(ctx context.Context, s *session.Session, name string) (*explain.Facts, error) {
	inst, err := s.Instance()
	if err != nil {
		return nil, err
	}
	f := &explain.Facts{Now: time.Now(), Instance: inst.Name, VMName: name, AboutApp: name == ""}
	if f.AboutApp {
		f.VMName = appv1.LimaVMName
	}
	if problems := validation.IsDNS1123Label(f.VMName); len(problems) > 0 {
		return nil, fmt.Errorf("%q is no name of a LimaVM: %s", f.VMName, problems[0])
	}
	if f.InstanceExists, err = s.InstanceExists(); err != nil || !f.InstanceExists {
		return f, err
	}
	gatherDaemon(ctx, s, inst, f)
	return f, gatherDirectory(ctx, s, f)
}

// gatherDaemon finds out whether the daemon runs, and reads the objects from it if it does.
func gatherDaemon(ctx context.Context, s *session.Session, inst instance.Instance, f *explain.Facts) {
	if arguments, exists, err := presence.LoadArguments(inst); err == nil && exists {
		if enabled, err := presence.SelectControllers(arguments.Controllers, s.Controllers); err == nil {
			f.Daemon.Disabled = slices.DeleteFunc(slices.Clone(s.Controllers), func(name string) bool { return slices.Contains(enabled, name) })
		}
	}
	state, _, err := client.Find(inst)
	f.Daemon.Changing = state == client.Changing
	if err == nil && state == client.Running {
		f.Daemon.Running = true
		err = errors.Join(gatherStore(ctx, inst, f), gatherObjects(ctx, s, inst, f))
	}
	if err != nil {
		f.Daemon.Problem = err.Error()
	}
	if !f.Daemon.Running && !f.Daemon.Changing {
		f.Daemon.LastErrors = append(lastFailure(inst), lastFailureTime(inst)...)
	}
}

// gatherStore asks the daemon how its store is.
func gatherStore(ctx context.Context, inst instance.Instance, f *explain.Facts) error {
	health, err := client.StoreHealth(ctx, inst)
	if err != nil || health == nil {
		return err
	}
	f.Store = explain.Store{Problem: health.Problem(), Full: health.Full(), Dir: health.Dir, Bad: health.BadText()}
	return nil
}

// gatherObjects reads App, LimaVM and their Events from the API.
func gatherObjects(ctx context.Context, s *session.Session, inst instance.Instance, f *explain.Facts) error {
	c, err := s.Reconnect(ctx)
	if err != nil {
		return err
	}
	if f.App, err = resource.App(ctx, c); err != nil {
		return err
	}
	if f.VM, err = resource.LookupVM(ctx, c, f.VMName); err != nil {
		return err
	}
	var uids []types.UID
	if f.AboutApp && f.App != nil {
		uids = append(uids, f.App.UID)
		if resource.SettledRunning(f.App) && f.App.Spec.ContainerEngine.Name == appv1.EngineMoby {
			answers := hostconfig.Answers(ctx, "unix", inst.DockerSocket())
			f.Docker = &answers
		}
	}
	if f.VM != nil {
		uids = append(uids, f.VM.UID)
	}
	if f.Events, err = resource.EventsOf(ctx, c, uids); err != nil {
		return err
	}
	return gatherHeld(ctx, inst, c, f)
}
