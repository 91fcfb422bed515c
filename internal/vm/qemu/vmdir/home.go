// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/process"
)

// Names of directories that are being made or removed. They are no instances: a DNS label has no
// dot.
const (
	newPrefix   = ".new-"
	trashPrefix = ".trash-"
)

// Home is the LIMA_HOME of one rdd instance.
type Home string

// MayBeInstance reports whether a directory of this name in a LIMA_HOME could be an instance. Lima
// keeps its own files in directories that begin with an underscore.
func MayBeInstance(name string) bool {
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_")
}

// Instances lists the names of all directories that could be instances, whoever made them.
func (h Home) Instances() ([]string, error) {
	entries, err := os.ReadDir(string(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing instances: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && MayBeInstance(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return slices.Sorted(slices.Values(names)), nil
}

// Make makes the directory of the instances if it does not exist. It does not make those above it:
// where they are missing, guests that run may see what is made in their place.
func (h Home) Make() error {
	err := os.Mkdir(string(h), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = atomicfile.SyncDir(filepath.Dir(string(h)))
	}
	if err != nil {
		return fmt.Errorf("making the directory of the instances: %w", err)
	}
	return nil
}

// Claim makes the directory of an instance, with its record and template, by one rename. Of several
// callers that claim a name one succeeds, the others get fs.ErrExist.
func (h Home) Claim(name string, record Record, template []byte) error {
	if err := h.Make(); err != nil {
		return err
	}
	temp, err := h.temporary(newPrefix)
	if err != nil {
		return fmt.Errorf("making an instance directory: %w", err)
	}
	err = fill(Dir(temp), record, template)
	if err == nil {
		err = atomicfile.Claim(temp, filepath.Join(string(h), name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("claiming the instance name %q: %w", name, err), atomicfile.RemoveAll(temp))
	}
	return nil
}

// fill writes the files that a claimed directory has.
func fill(d Dir, record Record, template []byte) error {
	record.Spec.TemplateHash = Hash(template)
	if err := d.WriteTemplate(template); err != nil {
		return err
	}
	return d.WriteRecord(record)
}

// Remove removes the directory of an instance. It renames it first, so that there is no half
// removed instance; what a crash leaves is removed by RemoveLeftovers. No process may use it any
// more.
func (h Home) Remove(name string) error {
	trash, err := h.temporary(trashPrefix)
	if err != nil {
		return fmt.Errorf("removing instance %s: %w", name, err)
	}
	err = atomicfile.Rename(filepath.Join(string(h), name), filepath.Join(trash, name))
	if errors.Is(err, syscall.EBUSY) {
		return errors.Join(empty(filepath.Join(string(h), name)), atomicfile.Remove(trash))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("removing instance %s: %w", name, err), atomicfile.Remove(trash))
	}
	return empty(trash)
}

// empty removes a directory. Mount points stay, as what is mounted is not rdd's; they are empty
// then.
func empty(path string) error {
	err := atomicfile.RemoveAll(path)
	if errors.As(err, new(*atomicfile.MountedError)) {
		return nil
	}
	return err
}

// RemoveLeftovers removes what interrupted calls of Claim and Remove left behind.
func (h Home) RemoveLeftovers() error {
	entries, err := os.ReadDir(string(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for leftovers: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if isLeftover(entry.Name()) {
			errs = append(errs, empty(filepath.Join(string(h), entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// temporary makes a directory whose name identifies the process that works in it.
func (h Home) temporary(prefix string) (string, error) {
	self, err := process.Identify(os.Getpid())
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(string(h), fmt.Sprintf("%s%d-%d-", prefix, self.PID, self.StartTime))
}

// isLeftover reports whether a directory was made by temporary in a process that has ended.
func isLeftover(name string) bool {
	rest, found := strings.CutPrefix(name, newPrefix)
	if !found {
		if rest, found = strings.CutPrefix(name, trashPrefix); !found {
			return false
		}
	}
	var pid int
	var startTime uint64
	if _, err := fmt.Sscanf(rest, "%d-%d-", &pid, &startTime); err != nil {
		return false
	}
	maker, err := process.Identify(pid)
	return errors.Is(err, process.ErrGone) || (err == nil && maker.StartTime != startTime)
}

// Hash returns the hash of a template's text, as Spec records it.
func Hash(template []byte) string {
	sum := sha256.Sum256(template)
	return hex.EncodeToString(sum[:])
}
