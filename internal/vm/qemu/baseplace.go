// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// obtainAgain builds or downloads the image of the machine's disk. It fails when there is only
// another version of it by now.
func (i instance) obtainAgain(ctx context.Context, record vmdir.Record, report func(vm.Progress)) (vmdir.Image, error) {
	want := record.Machine.Image
	sources, err := i.sourcesOnDisk(record)
	if err != nil {
		return want, err
	}
	sources = slices.DeleteFunc(sources, func(s image.Source) bool { return !sameImage(want, s) })
	if len(sources) == 0 {
		return want, image.ErrNotFound
	}
	img, err := i.engine.config.Images.Obtain(ctx, sources, report)
	if err != nil {
		return want, err
	}
	if img.Digest != want.Digest {
		return want, fmt.Errorf("the image %s is another one by now (%s); the disk is made of %s", want.Name, img.Digest, want.Digest)
	}
	return from(img, want), nil
}

// from returns the image that a machine was made of with the paths of where it can be taken from.
func from(img image.Image, want vmdir.Image) vmdir.Image {
	want.Disk, want.Kernel, want.Initrd = img.Disk, img.Kernel, img.Initrd
	return want
}

// sourcesOnDisk are the images that the instance's template names.
func (i instance) sourcesOnDisk(record vmdir.Record) ([]image.Source, error) {
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	text, err := regular.ReadFile(i.dir.Template())
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	t, err := template.Load(text, record.Spec.Params, host)
	if err != nil {
		return nil, err
	}
	return i.sources(t)
}

// place puts those files of the machine's image into its directory that it lacks: from source, or
// from the cache where they are not there. It returns the image as the machine has it then.
func (i instance) place(
	ctx context.Context, record vmdir.Record, source vmdir.Image, linksOnly bool,
) (_ vmdir.Image, shared bool, err error) {
	own := record.Machine.Image
	elsewhere := source.Disk != i.dir.BaseDisk() && source.Check() == nil
	if !isOwn(record) && !elsewhere && own.In(i.dir).Check() == nil {
		// They were placed before a crash, and the cache has been removed since; or an older rdd has
		// written the record again, without Base.
		return own, true, own.Measure(i.dir)
	}
	if !elsewhere {
		img, err := i.engine.config.Images.GetDigest(own.Digest)
		if err != nil {
			return own, false, err
		}
		source = from(img, own)
	}
	files, err := lacking(source, own, i.dir)
	if err != nil {
		return own, false, err
	}
	if shared, err = i.engine.config.Images.Place(ctx, string(i.dir), files, linksOnly); err != nil {
		return own, false, err
	}
	if isOwn(record) {
		return own, shared, own.Check()
	}
	return own, shared, own.Measure(i.dir)
}

// lacking returns what has to be placed for a machine in dir to have its own files of an image.
// Files that are not of the size that the machine had are refused.
func lacking(source, own vmdir.Image, dir vmdir.Dir) ([]image.Placement, error) {
	var files []image.Placement
	for _, f := range placements(source, dir) {
		want, known := own.Base[filepath.Base(f.To)]
		if info, err := regular.Stat(f.To); err == nil && known && info.Size() == want {
			continue
		}
		info, err := regular.Stat(f.From)
		if err != nil {
			return nil, fmt.Errorf("looking for the image's files: %w", err)
		}
		if known && info.Size() != want {
			return nil, fmt.Errorf("the image in the cache is damaged: %s has %d bytes, and had %d", f.From, info.Size(), want)
		}
		files = append(files, f)
	}
	return files, nil
}

// switchOver makes the disk refer to the machine's own files, and records them. The instance and
// its hostagent's lock are held, and nothing runs.
func (i instance) switchOver(ctx context.Context, record vmdir.Record, own vmdir.Image, shared bool) (vmdir.Record, error) {
	if isOwn(record) {
		return record, i.rebase(ctx, own)
	}
	// Whatever the disk says: a power cut may have left half of a name there.
	program, err := machine.FindImage()
	if err != nil {
		return record, err
	}
	if err := program.Rebase(ctx, i.dir.Disk(), vmdir.BaseDiskName, own.DiskFormat()); err != nil {
		return record, err
	}
	record.Machine.Image = own
	if err := i.dir.WriteRecord(record); err != nil {
		return record, err
	}
	if !shared {
		i.forgetImage()
	}
	return record, nil
}

// rebase makes the disk refer to the machine's own base if it does not.
func (i instance) rebase(ctx context.Context, img vmdir.Image) error {
	name, err := image.BackingFile(i.dir.Disk())
	if err != nil {
		return vm.WithKind(vm.FaultBroken, err)
	}
	if name == vmdir.BaseDiskName {
		return nil
	}
	program, err := machine.FindImage()
	if err != nil {
		return err
	}
	return program.Rebase(ctx, i.dir.Disk(), vmdir.BaseDiskName, img.DiskFormat())
}
