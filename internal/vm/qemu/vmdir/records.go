// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

// ErrForeign says that a directory is not one of this engine's.
var ErrForeign = errors.New("the directory was not made by rdd's qemu engine")

// ReadRecord reads the record, from its copy when rdd.json is missing or damaged. fs.ErrNotExist:
// there is no directory. ErrForeign: it is not this engine's. *vm.DamagedError: it is rdd's, and
// neither file can be read.
func (d Dir) ReadRecord() (Record, error) {
	record, err := parseRecord(d.RecordFile())
	if err != nil {
		var copyErr error
		if record, copyErr = parseRecord(d.RecordCopy()); copyErr != nil {
			return Record{}, d.unreadable(err, copyErr)
		}
	}
	if record.Engine != Engine {
		return Record{}, ErrForeign
	}
	record.Machine.Image.resolve(d)
	return record, nil
}

// unreadable says why there is no record, from the errors of reading both files.
func (d Dir) unreadable(err, copyErr error) error {
	info, statErr := os.Stat(string(d))
	switch {
	case statErr != nil:
		return statErr
	case !info.IsDir():
		return ErrForeign
	case errors.Is(err, errNoEngine) && errors.Is(copyErr, fs.ErrNotExist) && !d.hasTraces():
		return ErrForeign // another program's file of that name
	case !errors.Is(err, fs.ErrNotExist):
		return &vm.DamagedError{Name: d.Name(), Path: string(d), Err: err}
	case !errors.Is(copyErr, fs.ErrNotExist):
		return &vm.DamagedError{Name: d.Name(), Path: string(d), Err: copyErr}
	case d.hasTraces():
		return &vm.DamagedError{Name: d.Name(), Path: string(d), Err: err}
	default:
		return ErrForeign
	}
}

// hasTraces reports whether a directory without a record has files that only rdd makes.
func (d Dir) hasTraces() bool {
	for _, path := range []string{d.Created(), d.StartFile(), d.RunFile(), d.WorkLock(), d.QEMULock()} {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// errNoEngine says that a record does not name the engine that made it.
var errNoEngine = errors.New("it has no engine")

// parseRecord reads one of the two files. A record without an engine or an owner is damaged.
func parseRecord(path string) (Record, error) {
	var record Record
	if err := readJSON(path, &record); err != nil {
		return Record{}, err
	}
	if record.Engine == "" {
		return Record{}, fmt.Errorf("reading the instance's state: %s is damaged: %w", path, errNoEngine)
	}
	if record.Engine == Engine && record.Owner.UID == "" {
		return Record{}, fmt.Errorf("reading the instance's state: %s is damaged: it has no owner", path)
	}
	return record, nil
}

// WriteRecord replaces both files of the record. The copy is first: rdd.json decides, and changes
// only when the copy has been written.
func (d Dir) WriteRecord(r Record) error {
	if err := writeJSON(d.RecordCopy(), r); err != nil {
		return err
	}
	return writeJSON(d.RecordFile(), r)
}

// RecordWhole reports whether both files of the record can be read and are equal.
func (d Dir) RecordWhole() bool {
	text, err := read(d.RecordFile())
	if err != nil {
		return false
	}
	data, err := read(d.RecordCopy())
	if err != nil || !bytes.Equal(text, data) {
		return false
	}
	_, err = parseRecord(d.RecordFile())
	return err == nil
}

// RepairRecord makes the files of the record equal again: what is damaged or missing is written
// from the other one. repaired names the file that was damaged; empty when none was. The caller has
// made sure that nobody writes the record at the same time. Errors are ReadRecord's as well.
func (d Dir) RepairRecord() (repaired string, err error) {
	good, bad := d.RecordFile(), d.RecordCopy()
	if _, err := parseRecord(good); err != nil {
		if _, err := d.ReadRecord(); err != nil {
			return "", err
		}
		good, bad, repaired = bad, good, good
	}
	text, err := read(good)
	if err != nil {
		return "", err
	}
	if data, err := read(bad); err == nil && bytes.Equal(data, text) {
		return "", nil
	}
	if _, err := parseRecord(bad); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			repaired = bad // a copy that is missing is that of a directory of an older rdd
		}
		if err := SetApart(bad); err != nil {
			return repaired, err
		}
	}
	return repaired, Write(bad, text, fileMode)
}

// ReadStart reads start.json; fs.ErrNotExist when the machine was never started.
func (d Dir) ReadStart() (Start, error) {
	var start Start
	return start, readJSON(d.StartFile(), &start)
}

// RebuildStart returns what start.json must have had, for a machine that runs. The template is the
// one in lima.yaml, which may have been changed since the start.
func (d Dir) RebuildStart(record Record, run Run, host User) (Start, error) {
	template, err := d.ReadTemplate()
	if err != nil {
		return Start{}, err
	}
	return Start{ID: run.StartID, Revision: run.Revision, Template: string(template), Params: record.Spec.Params, Host: host}, nil
}

// ReadRun reads run.json; the zero Run when there is none.
func (d Dir) ReadRun() (Run, error) {
	var run Run
	err := readJSON(d.RunFile(), &run)
	if errors.Is(err, fs.ErrNotExist) {
		return Run{}, nil
	}
	return run, err
}

// HasRun reports whether run.json is as WriteRun has written r.
func (d Dir) HasRun(r Run) bool {
	want, err := encode(r)
	if err != nil {
		return false
	}
	data, err := read(d.RunFile())
	return err == nil && bytes.Equal(trimmed(data), trimmed(want))
}

// ReadTemplate reads lima.yaml.
func (d Dir) ReadTemplate() ([]byte, error) {
	data, err := read(d.Template())
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	return data, nil
}

// WriteTemplate replaces lima.yaml.
func (d Dir) WriteTemplate(template []byte) error { return Write(d.Template(), template, fileMode) }

// WriteStart replaces start.json.
func (d Dir) WriteStart(s Start) error { return writeJSON(d.StartFile(), s) }

// WriteRun replaces run.json. Only the holder of ha.lock may call it: held is that lock. While the
// file system is full it takes one of the files of KeepSpares.
func (d Dir) WriteRun(held *flock.Lock, r Run) error {
	if held.File().Name() != d.HostagentLock() {
		return fmt.Errorf("writing %s: %s is another lock than the hostagent's", d.RunFile(), held.File().Name())
	}
	data, err := encode(r)
	if err != nil {
		return err
	}
	if err = Write(d.RunFile(), data, fileMode); err != nil && noRoom(err) {
		if spareErr := d.writeSpare(d.RunFile(), data); spareErr != nil {
			return errors.Join(err, spareErr)
		}
		return nil
	}
	return err
}

// Complete reports whether the creation of the instance has succeeded. Its machine is recorded
// after the disk was made, so a record with a machine says that as well as the mark does. The disk
// may have been lost since.
func (d Dir) Complete(r Record) bool {
	if r.Machine.UUID != "" {
		return true
	}
	_, err := os.Lstat(d.Created())
	return err == nil
}

func readJSON(path string, into any) error {
	data, err := read(path)
	if err != nil {
		return fmt.Errorf("reading the instance's state: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading the instance's state: %s is damaged: %w", path, err)
	}
	return nil
}

func encode(from any) ([]byte, error) {
	data, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the instance's state: %w", err)
	}
	return append(data, '\n'), nil
}

func writeJSON(path string, from any) error {
	data, err := encode(from)
	if err != nil {
		return err
	}
	return Write(path, data, fileMode)
}
