// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/settings"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
)

// EngineFunc makes the engine of an instance.
type EngineFunc = func(instance.Instance) (vm.Engine, error)

// Serve runs the daemon of an instance with its saved arguments. In the background it reports over the pipe that the
// client left open for it.
func Serve(ctx context.Context, inst instance.Instance, build version.Build, newEngine EngineFunc, background bool) error {
	logrus.SetLevel(logrus.WarnLevel) // kine's
	report := func(string) {}
	if background {
		pipe := os.NewFile(client.ReadyDescriptor, "report")
		report = func(text string) {
			// The starter may be gone, which is its business.
			_, _ = pipe.WriteString(text)
			_ = pipe.Close()
		}
	}
	err := serve(ctx, inst, build, newEngine, func() { report(client.Ready) })
	if err != nil {
		klog.ErrorS(err, "The daemon failed")
		report(err.Error())
	}
	klog.Flush()
	return err
}

func serve(ctx context.Context, inst instance.Instance, build version.Build, newEngine EngineFunc, ready func()) error {
	arguments, _, err := settings.Load(inst)
	if err != nil {
		return err
	}
	engine, err := newEngine(inst)
	if err != nil {
		return fmt.Errorf("preparing the VM engine: %w", err)
	}
	err = Run(ctx, Options{
		Instance: inst, Arguments: arguments, Build: build,
		Engine: engine, Ready: ready,
	})
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}
