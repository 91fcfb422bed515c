// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// ErrFailed says that a daemon in the background has failed. The reason is in its log, in the
// instance's last failure (presence.LastFailure), and in its report.
var ErrFailed = errors.New("the daemon failed, as its log says")

// Serve builds the daemon's parts and runs the daemon until ctx ends. In the background it reports
// to the client that has started it, logs a failure and returns ErrFailed; otherwise it returns the
// failure.
func Serve(ctx context.Context, options Options, build func() (Parts, error)) error {
	logrus.SetLevel(logrus.WarnLevel) // kine logs by logrus
	report := func(string) {}
	if options.Background {
		report = presence.Reporter()
	}
	noted := false
	failed := func(err error) {
		if !noted {
			noted = true
			note(options, err)
		}
	}
	err := buildAndRun(ctx, options, build, func() { report(presence.Ready) }, failed)
	if err != nil {
		failed(err)
	}
	if err != nil && options.Background {
		report(presence.Report(err))
		err = ErrFailed
	}
	klog.Flush()
	return err
}

func buildAndRun(ctx context.Context, options Options, build func() (Parts, error), ready func(), failed func(error)) error {
	parts, err := build()
	if err != nil {
		return err
	}
	err = run(ctx, options, parts, ready, failed)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// note keeps why the daemon failed: in the instance's last failure, and in the log where nobody
// reads standard error.
func note(options Options, failure error) {
	if options.Background {
		klog.ErrorS(failure, "The daemon failed")
	}
	if err := saveFailure(options.Instance, failure); err != nil {
		klog.ErrorS(err, "Why the daemon failed was not saved")
	}
}

// saveFailure saves the failure as the instance's last one. It saves none when the instance belongs
// to another daemon, or does not exist.
func saveFailure(inst instance.Instance, failure error) error {
	exists, err := presence.Exists(inst)
	if err != nil || !exists || errors.Is(failure, presence.ErrRunning) || errors.Is(failure, errLost) {
		return err
	}
	return presence.NewFailure(time.Now(), failure).Save(inst)
}
