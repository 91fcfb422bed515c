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

// side is one side of an update: a template and its params.
type side struct {
	source *corev1.ConfigMap
	params map[string]string
}

func (s side) load(host template.Host) (*template.Template, error) {
	return template.Load([]byte(s.source.Data[limav1.TemplateKey]), s.params, host)
}

// checkChange refuses an invalid template, and a change that the existing instance cannot take.
// What only the engine can check it refuses later, in the condition Created.
func (v validator) checkChange(limaVM *limav1.LimaVM, from, to side) error {
	if err := validateTemplate(to.source, to.params, v.host); err != nil {
		return err
	}
	if limaVM.Status.ObservedTemplateResourceVersion == "" {
		return nil
	}
	before, err := from.load(v.host)
	if err != nil {
		return nil //nolint:nilerr // a template that is invalid now may be changed into any valid one
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

// checkEdit refuses changes that an existing disk cannot take: another image, and a smaller size.
// Only the engine knows which of several images the disk was made of, so one of them has to stay.
func checkEdit(before, after *template.Template) error {
	stays := func(now template.Image) bool {
		return slices.ContainsFunc(before.ArchImages(), func(was template.Image) bool { return sameImage(was, now) })
	}
	if !slices.ContainsFunc(after.ArchImages(), stays) {
		return &vm.InvalidSpecError{
			Field: "images[0].location",
			Reason: fmt.Sprintf("cannot be changed from `%s` to `%s`: the disk is made of it; delete the LimaVM and create it again",
				vm.Redacted(before.Image().Location), vm.Redacted(after.Image().Location)),
		}
	}
	if after.Disk < before.Disk {
		return &vm.InvalidSpecError{Field: "disk", Reason: fmt.Sprintf("cannot shrink from %s to %s", size(before.Disk), size(after.Disk))}
	}
	return nil
}

// sameImage compares digests where both have one: the location may have changed to a mirror's.
func sameImage(a, b template.Image) bool {
	if a.Digest != "" && b.Digest != "" {
		return a.Digest == b.Digest
	}
	return a.Location == b.Location
}

func size(bytes int64) string { return resource.NewQuantity(bytes, resource.BinarySI).String() }
