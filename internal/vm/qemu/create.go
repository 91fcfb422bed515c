// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// beginCreate completes a claimed directory in the background.
func (i instance) beginCreate(owner vm.Owner, t *template.Template) {
	i.engine.works.begin(i.name, owner, vm.OperationCreate, func(ctx context.Context, report func(vm.Progress)) error {
		return i.complete(ctx, t, report)
	})
}

// complete makes everything that belongs into a claimed directory. What an interrupted call made is
// made again.
func (i instance) complete(ctx context.Context, t *template.Template, report func(vm.Progress)) (err error) {
	lock, err := vmdir.WaitLock(ctx, i.dir.WorkLock())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	record, err := i.dir.ReadRecord()
	if err != nil || i.dir.Complete(record) {
		return err // nil: another process completed it while this one waited for the lock
	}
	if err := atomicfile.RemoveStale(string(i.dir)); err != nil {
		return err
	}
	sources, err := i.sources(t)
	if err != nil {
		return err
	}
	img, err := i.engine.config.Images.Obtain(ctx, sources, report)
	if err != nil {
		return err
	}
	report(vm.Progress{Step: "creating the disk", Percent: -1})
	own, err := i.makeDisk(ctx, img, t)
	if err != nil {
		return err
	}
	if err := i.makeKeys(); err != nil {
		return err
	}
	if record.Machine, err = i.newMachine(ctx, t, own, report); err != nil {
		return err
	}
	// Not the record read above: Apply may have changed its spec meanwhile.
	return i.seal(record.Machine)
}

// makeDisk gives the machine the image's files as its own, and makes the overlay.
func (i instance) makeDisk(ctx context.Context, img image.Image, t *template.Template) (vmdir.Image, error) {
	own := vmdir.Image{
		Name: img.Name, Digest: img.Digest, Disk: img.Disk, Format: img.Format, Parts: img.Parts,
		Kernel: img.Kernel, Initrd: img.Initrd, KernelArgs: img.KernelArgs,
	}
	program, err := machine.Find(t.Arch)
	if err != nil {
		return own, err
	}
	if _, err := i.engine.config.Images.Place(ctx, string(i.dir), placements(own, i.dir), false); err != nil {
		return own, err
	}
	if err := own.Measure(i.dir); err != nil {
		return own, err
	}
	return own, program.CreateDisk(ctx, i.dir.Disk(), vmdir.BaseDiskName, own.DiskFormat(), t.Disk)
}

// placements say where a machine has the files of an image.
func placements(img vmdir.Image, dir vmdir.Dir) []image.Placement {
	var all []image.Placement
	to := img.In(dir).Files()
	for n, from := range img.Files() {
		all = append(all, image.Placement{From: from, To: to[n]})
	}
	return all
}

// makeKeys makes the keys by which the user logs in to the guest, and by which the guest is
// recognised.
func (i instance) makeKeys() error {
	if err := guest.MakeKey(i.dir.UserKey(), "rdd-"+i.name); err != nil {
		return err
	}
	return guest.MakeKey(i.dir.HostKey(), i.name)
}

// newMachine chooses what stays the same over all starts: identities, hardware and image.
func (i instance) newMachine(ctx context.Context, t *template.Template, img vmdir.Image, report func(vm.Progress)) (vmdir.Machine, error) {
	program, err := machine.Find(t.Arch)
	if err != nil {
		return vmdir.Machine{}, err
	}
	machineType, err := program.MachineType(ctx)
	if err != nil {
		return vmdir.Machine{}, err
	}
	id := make([]byte, 16+3)
	if _, err := rand.Read(id); err != nil {
		return vmdir.Machine{}, fmt.Errorf("making the machine's ids: %w", err)
	}
	user := i.engine.config.User
	m := vmdir.Machine{
		UUID: uuid.NewString(), ID: hex.EncodeToString(id[:16]), Arch: t.Arch, Type: machineType,
		// 52:54:00 is QEMU's prefix of locally administered addresses.
		MAC:  fmt.Sprintf("52:54:00:%02x:%02x:%02x", id[16], id[17], id[18]),
		User: guest.UserFor(t.User, user.Name, user.UID), Image: img,
	}
	if err := i.addFirmware(&m); err != nil {
		return vmdir.Machine{}, err
	}
	return m, i.engine.addAccelerator(ctx, program, &m, report)
}

// addFirmware installs UEFI firmware for an image that has a boot loader, if the host has firmware.
func (i instance) addFirmware(m *vmdir.Machine) error {
	if m.Image.Kernel != "" {
		return nil
	}
	firmware, err := machine.FindFirmware(m.Arch)
	if err != nil || firmware == nil {
		return err
	}
	m.Loader = firmware.Loader()
	m.UEFI = !m.Loader
	return firmware.Install(i.dir)
}

// addAccelerator chooses the accelerator and the CPU model that goes with it. Where the image has
// no kernel to try an accelerator with, that of any built image serves.
func (e *Engine) addAccelerator(ctx context.Context, program machine.Program, m *vmdir.Machine, report func(vm.Progress)) error {
	report(vm.Progress{Step: "choosing the accelerator", Percent: -1})
	if !m.Image.Built() {
		var err error
		if m.Trial.Kernel, m.Trial.Initrd, err = e.config.Images.Kernel(); err != nil {
			return err
		}
	}
	trial := m.TrialKernel()
	accelerator, err := machine.Chooser{
		Program: program, Override: e.config.Accelerator, Kernel: trial.Kernel, Initrd: trial.Initrd,
		CacheDir: e.config.CacheDir, Log: e.config.Log,
	}.Choose(ctx)
	if err != nil {
		return err
	}
	m.CPU, m.Accelerator = accelerator.CPU, accelerator.Name
	return nil
}

// seal records the machine and marks the directory as complete. The disk was made before. Without a
// machine in the record the next Apply begins again.
func (i instance) seal(m vmdir.Machine) error {
	defer i.lock()()
	record, err := i.dir.ReadRecord()
	if err != nil {
		return err
	}
	record.Machine = m
	if err := i.dir.WriteRecord(record); err != nil {
		return err
	}
	return vmdir.Write(i.dir.Created(), []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o600)
}
