// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

var namePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Apply implements vm.Engine.
func (e *Engine) Apply(_ context.Context, spec vm.Spec) error {
	i := e.instance(spec.Name)
	t, err := i.validate(spec)
	if err != nil {
		return err
	}
	defer i.lock()()
	deleting := i.work().isDelete()
	record, err := i.claimed(spec)
	switch {
	case errors.Is(err, vm.ErrNotFound) && !deleting:
		return i.create(spec, t)
	case err != nil && !errors.Is(err, vm.ErrNotFound):
		return err
	case deleting:
		return i.busy("being deleted")
	}
	if !i.dir.Complete(record) {
		return i.carryOn(spec, record, t)
	}
	if err := i.checkChange(record, t); err != nil {
		return err
	}
	return i.writeSpec(spec, record)
}

// claimed reads the instance's record on behalf of the owner of spec. If the instance belongs to
// the owner that spec adopts from, it is handed over first, even when the rest of spec is refused
// later: the new owner must be able to delete it.
func (i instance) claimed(spec vm.Spec) (vmdir.Record, error) {
	record, err := i.owned(spec.Owner)
	var taken *vm.NameTakenError
	if !errors.As(err, &taken) || spec.AdoptFrom == "" || taken.Owner.UID != spec.AdoptFrom {
		return record, err
	}
	if record, err = i.owned(taken.Owner); err != nil {
		return record, err
	}
	record.Owner, record.Incarnation = spec.Owner, spec.Incarnation
	return record, i.dir.WriteRecord(record)
}

// validate loads the template as the hostagent will at the start. It touches nothing.
func (i instance) validate(spec vm.Spec) (*template.Template, error) {
	if !namePattern.MatchString(spec.Name) {
		return nil, &vm.InvalidSpecError{Field: "name", Reason: fmt.Sprintf("must be a DNS label; got %q", spec.Name)}
	}
	if length := len(i.dir.QMPSocket()); length > template.MaxSocketPath {
		return nil, &vm.InvalidSpecError{Field: "name", Reason: fmt.Sprintf(
			"is %d bytes too long for the paths of its sockets below %s", length-template.MaxSocketPath, i.engine.config.LimaHome)}
	}
	if spec.Owner.UID == "" {
		return nil, &vm.InvalidSpecError{Field: "owner", Reason: "must have a uid"}
	}
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	t, err := template.Load(spec.Template, spec.Params, host)
	var parse *template.ParseError
	if errors.As(err, &parse) {
		return nil, &vm.InvalidSpecError{Reason: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	return t, i.engine.checkImage(t)
}

// create claims the name and creates the instance in the background.
func (i instance) create(spec vm.Spec, t *template.Template) error {
	if err := checkMachine(t); err != nil {
		return err
	}
	config := i.engine.config
	if err := i.engine.home.Make(); err != nil {
		return err
	}
	if err := checkSpace(config.LimaHome, spaceToCreate); err != nil {
		return err
	}
	record := vmdir.Record{
		Engine: vmdir.Engine, OwnerUID: os.Getuid(), Version: config.Version, Created: time.Now().UTC(), Owner: spec.Owner,
		Incarnation: spec.Incarnation, Spec: vmdir.Spec{Revision: spec.Revision, Params: spec.Params},
	}
	err := i.engine.home.Claim(i.name, record, spec.Template)
	if errors.Is(err, fs.ErrExist) {
		_, err = i.owned(spec.Owner)
		return err // nil: another call for the same owner was faster
	}
	if err != nil {
		return err
	}
	i.beginCreate(spec.Owner, t)
	return nil
}

// checkMachine makes sure that this host can run guests of the template's architecture.
func checkMachine(t *template.Template) error {
	if _, err := machine.Find(t.Arch); err != nil {
		return err
	}
	if err := checkTPM(t); err != nil {
		return err
	}
	if t.Image().Kernel != nil || strings.HasPrefix(t.Image().Location, image.Scheme) {
		return nil // no firmware is needed
	}
	_, err := machine.FindFirmware(t.Arch)
	return err
}

// carryOn goes on with a creation that was interrupted or failed, by the newer spec.
func (i instance) carryOn(spec vm.Spec, record vmdir.Record, t *template.Template) error {
	if i.work().running {
		return i.busy("being created")
	}
	if err := i.writeSpec(spec, record); err != nil {
		return err
	}
	i.beginCreate(spec.Owner, t)
	return nil
}

// checkChange refuses what cannot be changed once the disk exists.
func (i instance) checkChange(record vmdir.Record, t *template.Template) error {
	if have := machine.ArchOf(record.Machine); t.Arch != have {
		return &vm.InvalidSpecError{Field: "arch", Reason: fmt.Sprintf(
			"cannot be changed: the virtual machine was made for `%s`; got `%s`", have, t.Arch)}
	}
	if err := i.checkSameImage(record, t); err != nil {
		return err
	}
	size, err := image.DiskSize(i.dir.Disk(), image.FormatQCOW2)
	if err != nil {
		return err
	}
	if t.Disk < size {
		return &vm.InvalidSpecError{Field: "disk", Reason: fmt.Sprintf("cannot shrink from %d to %d bytes", size, t.Disk)}
	}
	return nil
}

// writeSpec replaces the spec on disk when it differs. After a crash between the two writes, the
// hash in the record is not that of the template: see revision.
func (i instance) writeSpec(spec vm.Spec, record vmdir.Record) error {
	hash := vmdir.Hash(spec.Template)
	same := i.revision(record) == spec.Revision && record.Spec.TemplateHash == hash && maps.Equal(record.Spec.Params, spec.Params)
	if same && record.Owner == spec.Owner {
		return nil
	}
	if err := i.dir.WriteTemplate(spec.Template); err != nil {
		return err
	}
	record.Owner = spec.Owner
	record.Spec = vmdir.Spec{Revision: spec.Revision, Params: spec.Params, TemplateHash: hash}
	return i.dir.WriteRecord(record)
}
