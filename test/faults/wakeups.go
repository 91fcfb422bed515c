// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/controllers/app"
	"rancherdesktop.io/rdd/internal/controllers/engine"
	"rancherdesktop.io/rdd/internal/controllers/limavm"
)

// event delivers an event of an object to the controllers that watch it, unless the event gets a
// fault.
func (h *harness) event(obj client.Object) {
	h.changes++
	h.deliver(h.watchers(obj))
}

// watchers returns the requests that a change of an object causes. They are those of the
// controllers' Setup.
func (h *harness) watchers(obj client.Object) []request {
	theApp := request{app.Name, client.ObjectKey{Name: appv1.AppName}}
	var woken []request
	switch o := obj.(type) {
	case *appv1.App:
		woken = append(woken, theApp, theEngine)
	case *corev1.Namespace:
		woken = append(woken, theApp)
	case *limav1.LimaVM:
		woken = append(woken, request{limavm.Name, client.ObjectKeyFromObject(o)})
		if app.Concerns(o) {
			woken = append(woken, theApp)
		}
		if engine.Concerns(o) {
			woken = append(woken, theEngine)
		}
	case *corev1.ConfigMap:
		if app.Concerns(o) {
			woken = append(woken, theApp)
		}
		woken = append(woken, h.vmRequests(func(vm *limav1.LimaVM) bool { return limavm.Concerns(o, vm) })...)
		if owner := metav1.GetControllerOf(o); owner != nil && owner.Kind == "LimaVM" {
			woken = append(woken, request{limavm.Name, client.ObjectKey{Namespace: o.Namespace, Name: owner.Name}})
		}
	}
	return woken
}

// deliver wakes the requests of an event: once, late, twice or not at all.
func (h *harness) deliver(woken []request) {
	late := h.delayed
	switch h.inj.event() {
	case dropped:
		h.lost = true
		return
	case delayed:
		h.delayed = woken
		return
	case duplicated:
		h.delayed = woken
	case closed:
		h.relist()
	default:
		h.delayed = nil
	}
	for _, r := range slices.Concat(woken, late) {
		h.wake(r)
	}
}

// relist restarts every watch, which shows all objects.
func (h *harness) relist() {
	h.lost = false
	for _, id := range slices.Sorted(maps.Keys(h.seen)) {
		for _, r := range h.watchers(h.seen[id]) {
			h.wake(r)
		}
	}
}
