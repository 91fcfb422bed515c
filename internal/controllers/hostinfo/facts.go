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

// engineTimeout bounds questions to the engine about the host.
const engineTimeout = 10 * time.Second

// Facts are where what is known of the host comes from.
type Facts struct {
	Host template.Host
	// Versions of what rdd consists of.
	Versions rddv1.Versions
	// Machines is asked when it can say what the host offers to guests.
	Machines vm.Engine
}

// Status is what the HostInfo says now. What the engine cannot say is left out.
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
