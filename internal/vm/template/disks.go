// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v4"
)

// AdditionalDisk is a disk that exists before the machine and after it. The guest has it mounted
// below DiskMounts.
type AdditionalDisk struct {
	// Name of the disk, which the host keeps.
	Name string `yaml:"name"`
	// Format an empty disk, and mount it; nil only before the defaults are set.
	Format *bool `yaml:"format,omitempty"`
	// FSType is the file system of an empty disk, and FSArgs are arguments of its mkfs.
	FSType string   `yaml:"fsType,omitempty"`
	FSArgs []string `yaml:"fsArgs,omitempty"`
}

const (
	// DiskMounts and the name of an additional disk is where the guest has it, as with Lima.
	DiskMounts = "/mnt/lima-"
	// maxDisks bounds the additional disks, each of which takes a slot of the machine's bus.
	maxDisks = 8
	// maxDiskName is how many bytes the name of a disk may have.
	maxDiskName = 63
	// defaultFS is the file system of an additional disk.
	defaultFS = "ext4"
)

var (
	diskPattern = regexp.MustCompile(`^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$`)
	fsPattern   = regexp.MustCompile(`^[a-z][a-z0-9.]*$`)
)

// ValidDiskName reports whether an additional disk may have a name.
func ValidDiskName(name string) bool {
	return len(name) <= maxDiskName && diskPattern.MatchString(name)
}

// decode reads a disk, or only its name.
func (d *AdditionalDisk) decode(v value) error {
	if v.node.Kind == yaml.ScalarNode {
		return text(&d.Name)(v)
	}
	return mapping(fields{
		"name":   text(&d.Name),
		"format": optional(&d.Format, decodeBool),
		"fsType": text(&d.FSType),
		"fsArgs": textList(&d.FSArgs),
	})(v)
}

// fill sets Lima's defaults.
func (d *AdditionalDisk) fill() {
	if d.Format == nil {
		format := true
		d.Format = &format
	}
	if *d.Format {
		setDefault(&d.FSType, defaultFS)
	}
}

func (t *Template) validateDisks() error {
	if len(t.AdditionalDisks) > maxDisks {
		return invalid("additionalDisks", "must be at most %d disks; got %d", maxDisks, len(t.AdditionalDisks))
	}
	for i, d := range t.AdditionalDisks {
		if err := d.validate(fmt.Sprintf("additionalDisks[%d]", i)); err != nil {
			return err
		}
		if slices.ContainsFunc(t.AdditionalDisks[:i], func(other AdditionalDisk) bool { return other.Name == d.Name }) {
			return invalid(fmt.Sprintf("additionalDisks[%d]", i), "names the disk `%s`, which is given already", d.Name)
		}
	}
	return nil
}

func (d AdditionalDisk) validate(at string) error {
	if !ValidDiskName(d.Name) {
		return invalid(at+".name", "must be the name of a disk, of letters and digits with `.`, `_` or `-` between them and at most %d; got `%s`",
			maxDiskName, shorten(d.Name))
	}
	if !*d.Format {
		if d.FSType != "" || len(d.FSArgs) > 0 {
			return invalid(at+".format", "must be true, or left out, where `fsType` or `fsArgs` are given")
		}
		return nil
	}
	if !fsPattern.MatchString(d.FSType) {
		return invalid(at+".fsType", "must be a file system for which the guest has an mkfs, such as ext4 or xfs; got `%s`", shorten(d.FSType))
	}
	for i, arg := range d.FSArgs {
		if err := validateLine(fmt.Sprintf("%s.fsArgs[%d]", at, i), arg); err != nil {
			return err
		}
	}
	return nil
}
