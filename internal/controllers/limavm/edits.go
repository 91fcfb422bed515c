// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// side is one side of a change: a template and its params.
type side struct {
	source *corev1.ConfigMap
	params map[string]string
}

func (s side) load(host template.Host) (*template.Template, error) {
	return template.Load([]byte(s.source.Data[limav1.TemplateKey]), s.params, host)
}

// checkChange refuses a template that is not valid, or that an instance which exists cannot be
// changed into. What only the engine knows it refuses later: then the condition Created says so.
func (v validator) checkChange(limaVM *limav1.LimaVM, from, to side) error {
	if err := validateTemplate(to.source, to.params, v.host); err != nil {
		return err
	}
	if limaVM.Status.ObservedTemplateResourceVersion == "" {
		return nil
	}
	before, err := from.load(v.host)
	if err != nil {
		return nil //nolint:nilerr // what was not valid before, for an older rdd or another host, may become anything
	}
	after, err := to.load(v.host)
	if err != nil {
		return err
	}
	if err := checkEdit(before, after); err != nil {
		return fmt.Errorf("ConfigMap %q: %w", client.ObjectKeyFromObject(to.source), err)
	}
	return nil
}

// checkEdit refuses what cannot be changed once the disk is made. Which of several images it was
// made of only the engine knows; here at least one has to stay.
func checkEdit(before, after *template.Template) error {
	stays := func(now template.Image) bool {
		return slices.ContainsFunc(before.ArchImages(), func(was template.Image) bool { return sameImage(was, now) })
	}
	if !slices.ContainsFunc(after.ArchImages(), stays) {
		return &vm.InvalidSpecError{
			Field: "images[0].location",
			Reason: fmt.Sprintf("cannot be changed from `%s` to `%s`: the disk is made of it; delete the LimaVM and create it again",
				before.Image().Location, after.Image().Location),
		}
	}
	if after.Disk < before.Disk {
		return &vm.InvalidSpecError{Field: "disk", Reason: fmt.Sprintf("cannot shrink from %s to %s", size(before.Disk), size(after.Disk))}
	}
	return nil
}

// sameImage compares by content where that is known: an image may move to a mirror.
func sameImage(a, b template.Image) bool {
	if a.Digest != "" && b.Digest != "" {
		return a.Digest == b.Digest
	}
	return a.Location == b.Location
}

func size(bytes int64) string { return resource.NewQuantity(bytes, resource.BinarySI).String() }
