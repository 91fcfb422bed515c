// SPDX-License-Identifier: Apache-2.0

package hostinfo

import (
	"context"
	"runtime"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/log"

	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// engineTimeout bounds the engine's observation of the host.
const engineTimeout = 10 * time.Second

// Facts are the sources of the HostInfo's status.
type Facts struct {
	Host template.Host
	// Versions are those of rdd's components.
	Versions rddv1.Versions
	// Machines reports what the host offers to guests, if it has the ability vm.HostReporter.
	Machines vm.Engine
}

// Status observes the host and returns the HostInfo's status. Fields that the engine cannot report
// stay empty. It takes at most ten seconds.
func (f Facts) Status(ctx context.Context) rddv1.HostInfoStatus {
	st := rddv1.HostInfoStatus{
		OS: runtime.GOOS, Arch: f.Host.Arch, CPUs: int32(f.Host.CPUs),
		Memory: resource.NewQuantity(f.Host.Memory, resource.BinarySI), Versions: f.Versions,
	}
	reporter, ok := f.Machines.(vm.HostReporter)
	if !ok {
		return st
	}
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	host, err := reporter.Host(ctx)
	if err != nil {
		log.FromContext(ctx).Info("Not all is known about the host", "reason", err.Error())
	}
	st.Acceleration = rddv1.Acceleration{Name: host.Accelerator, Reason: host.AcceleratorReason}
	st.Versions.QEMU = host.Version
	return st
}
