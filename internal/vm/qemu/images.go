// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"fmt"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// checkImage refuses names of images that rdd cannot build. Package template checks everything
// else.
func (e *Engine) checkImage(t *template.Template) error {
	known := e.config.Images.Names()
	for i, img := range t.Images {
		name, built := strings.CutPrefix(img.Location, image.Scheme)
		if built && img.Arch == t.Arch && !slices.Contains(known, name) {
			return &vm.InvalidSpecError{
				Field: fmt.Sprintf("images[%d].location", i),
				Reason: fmt.Sprintf(
					"must be %s followed by one of %s, or a URL or file; got `%s`", image.Scheme, strings.Join(known, ", "), img.Location,
				),
			}
		}
	}
	return nil
}

// sources are the images for the machine in the order in which they are tried, their paths
// expanded.
func (i instance) sources(t *template.Template) ([]image.Source, error) {
	user := i.engine.config.User
	expanded, err := guest.Expand(t, i.dir, user, guest.UserFor(t.User, user.Name, user.UID))
	if err != nil {
		return nil, err
	}
	var sources []image.Source
	for _, img := range expanded.ArchImages() {
		sources = append(sources, source(img))
	}
	return sources, nil
}

// source is an entry of a template's images, as the cache of images takes it.
func source(img template.Image) image.Source {
	s := image.Source{Disk: image.File{Location: img.Location, Digest: img.Digest}, Architecture: template.GoArch(img.Arch)}
	if img.Kernel != nil {
		s.Kernel, s.KernelArgs = &image.File{Location: img.Kernel.Location, Digest: img.Kernel.Digest}, img.Kernel.Cmdline
	}
	if img.Initrd != nil {
		s.Initrd = &image.File{Location: img.Initrd.Location, Digest: img.Initrd.Digest}
	}
	return s
}

// checkSameImage refuses a template none of whose images is the one that the machine's disk is an
// overlay of. Images are the same when their digests are, whatever their locations, or, where the
// template has no digest, when their locations are.
func (i instance) checkSameImage(record vmdir.Record, t *template.Template) error {
	sources, err := i.sources(t)
	if err != nil {
		return err
	}
	have := record.Machine.Image
	if slices.ContainsFunc(sources, func(s image.Source) bool { return sameImage(have, s) }) {
		return nil
	}
	location := image.Scheme + have.Name
	if !have.Built() {
		location = vm.Redacted(have.Parts[image.PartDisk].Location)
	}
	return &vm.InvalidSpecError{
		Field: fmt.Sprintf("images[%d].location", slices.IndexFunc(t.Images, func(img template.Image) bool { return img.Arch == t.Arch })),
		Reason: fmt.Sprintf("cannot be changed: the disk of the virtual machine is made of %s (%s); "+
			"to have another image, delete the virtual machine and create it again", location, have.Digest),
	}
}

func sameImage(have vmdir.Image, s image.Source) bool {
	if name, built := s.Built(); built || have.Built() {
		return built && have.Built() && name == have.Name
	}
	return image.PartsMatch(have.Parts, s) && s.KernelArgs == have.KernelArgs
}
