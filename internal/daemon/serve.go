// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/controllers/engine"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
)

// Engines do the work on the host.
type Engines struct {
	// Machines runs the virtual machines.
	Machines vm.Engine
	// Containers looks after the App's container engine.
	Containers Containers
}

// Containers is an engine.Monitor that can be ended.
type Containers interface {
	engine.Monitor
	// Close ends what goes on, and waits for it.
	Close()
}

// EnginesFunc makes the engines of an instance.
type EnginesFunc = func(instance.Instance) (Engines, error)

// ErrFailed says that a daemon in the background failed. The reason is in its log, in the instance's
// last failure, and with whoever started it.
var ErrFailed = errors.New("the daemon failed, as its log says")

// Serve runs the daemon that options describe with the instance's saved arguments and its engines.
// In the background it reports over the pipe that the client left open for it, and a failure is logged
// and returned as ErrFailed; otherwise the failure is returned.
func Serve(ctx context.Context, options Options, newEngines EnginesFunc) error {
	logrus.SetLevel(logrus.WarnLevel) // kine's
	report := func(string) {}
	if options.Background {
		report = presence.Reporter()
	}
	options.Ready = func() { report(presence.Ready) }
	err := serve(ctx, options, newEngines)
	if err != nil {
		err = errors.Join(err, saveFailure(options.Instance, err))
	}
	if err != nil && options.Background {
		klog.ErrorS(err, "The daemon failed")
		report(err.Error())
		err = ErrFailed
	}
	klog.Flush()
	return err
}

// saveFailure keeps for later why the daemon failed, unless it was not the daemon of the instance, or is
// not any more: then the instance is another daemon's.
func saveFailure(inst instance.Instance, failure error) error {
	exists, err := presence.Exists(inst)
	if err != nil || !exists || errors.Is(failure, presence.ErrRunning) || errors.Is(failure, errLost) {
		return err
	}
	return presence.NewFailure(time.Now(), failure).Save(inst)
}

func serve(ctx context.Context, options Options, newEngines EnginesFunc) (err error) {
	if options.Arguments, _, err = presence.LoadArguments(options.Instance); err != nil {
		return err
	}
	if options.Engines, err = newEngines(options.Instance); err != nil {
		return fmt.Errorf("preparing the engines: %w", err)
	}
	err = Run(ctx, options)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}
