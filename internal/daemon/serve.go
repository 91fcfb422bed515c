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
	"rancherdesktop.io/rdd/internal/vm"
)

// EngineFunc makes the engine of an instance.
type EngineFunc = func(instance.Instance) (vm.Engine, error)

// Serve runs the daemon that options describe with the instance's saved arguments and its engine. In the background it reports over the pipe that the
// client left open for it.
func Serve(ctx context.Context, options Options, newEngine EngineFunc) error {
	logrus.SetLevel(logrus.WarnLevel) // kine's
	report := func(string) {}
	if options.Background {
		pipe := os.NewFile(client.ReadyDescriptor, "report")
		report = func(text string) {
			// The starter may be gone, which is its business.
			_, _ = pipe.WriteString(text)
			_ = pipe.Close()
		}
	}
	options.Ready = func() { report(client.Ready) }
	err := serve(ctx, options, newEngine)
	if err != nil {
		klog.ErrorS(err, "The daemon failed")
		report(err.Error())
	}
	klog.Flush()
	return err
}

func serve(ctx context.Context, options Options, newEngine EngineFunc) (err error) {
	if options.Arguments, _, err = settings.Load(options.Instance); err != nil {
		return err
	}
	if options.Engine, err = newEngine(options.Instance); err != nil {
		return fmt.Errorf("preparing the VM engine: %w", err)
	}
	err = Run(ctx, options)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}
