// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"runtime"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// hostPatience bounds questions to the engine about the host.
const hostPatience = 10 * time.Second

// lookAtHost is what the HostInfo says. What the engine cannot tell is left out.
func (d Deps) lookAtHost(ctx context.Context) rddv1.HostInfoStatus {
	st := rddv1.HostInfoStatus{
		OS: runtime.GOOS, Arch: d.Host.Arch, CPUs: int32(d.Host.CPUs), Memory: resource.NewQuantity(d.Host.Memory, resource.BinarySI), Versions: d.Versions,
	}
	reporter, ok := d.Engine.(vm.HostReporter)
	if !ok {
		return st
	}
	ctx, cancel := context.WithTimeout(ctx, hostPatience)
	defer cancel()
	host, err := reporter.Host(ctx)
	if err != nil {
		log.FromContext(ctx).Info("Not all is known about the host", "reason", err.Error())
	}
	st.Acceleration = rddv1.Acceleration{Name: host.Accelerator, Reason: host.AcceleratorReason}
	st.Versions.QEMU = host.Version
	return st
}

// homeProblem says why guests cannot see the user's home; nil when they can, and where nobody knows.
func (d Deps) homeProblem() error {
	checker, ok := d.Engine.(vm.HomeChecker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), hostPatience)
	defer cancel()
	return checker.HomeProblem(ctx)
}
