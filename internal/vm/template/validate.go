// SPDX-License-Identifier: Apache-2.0

package template

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/go-units"

	"rancherdesktop.io/rdd/internal/vm"
)

// Bounds and defaults, in bytes.
const (
	minMemory     = 256 << 20
	defaultMemory = 2 << 30
	minDisk       = 2 << 30
	defaultDisk   = 20 << 30
	maxSize       = 1 << 50
)

const (
	imagePrefix = "rdd:"
	maxPort     = 65535
	// maxSocketPath is what a Unix socket's address can hold on every platform (104 bytes with the closing NUL on macOS).
	maxSocketPath = 103
)

var (
	namePattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	imagePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)
)

// fill puts in the defaults.
func (t *Template) fill(host Host) {
	setDefault(&t.VMType, VMTypeQEMU)
	setDefault(&t.Arch, host.Arch)
	setDefault(&t.CPUs, min(2, host.CPUs))
	setDefault(&t.Memory, defaultMemory)
	setDefault(&t.Disk, defaultDisk)
	for i := range t.Images {
		setDefault(&t.Images[i].Arch, t.Arch)
	}
	for i := range t.Provision {
		setDefault(&t.Provision[i].Mode, ModeSystem)
	}
	for i := range t.Probes {
		setDefault(&t.Probes[i].Description, fmt.Sprintf("probe %d of %d", i+1, len(t.Probes)))
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func invalid(field, format string, args ...any) error {
	return &vm.InvalidSpecError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// validate judges the values; the first that is wrong is named.
func (t *Template) validate(host Host) error {
	checks := []func() error{
		func() error { return oneOf("vmType", t.VMType, VMTypeQEMU) },
		func() error { return t.validateArch(host) },
		t.validateImages,
		func() error { return t.validateSizes(host) },
		func() error { return validateNames("env", t.Env) },
		func() error { return validateNames("param", t.Param) },
		t.validateProvision,
		t.validateProbes,
		t.validateForwards,
		t.validateSSH,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func oneOf(field, got string, accepted ...string) error {
	if slices.Contains(accepted, got) {
		return nil
	}
	return invalid(field, "must be one of %s; got `%s`", strings.Join(accepted, ", "), got)
}

func (t *Template) validateArch(host Host) error {
	if t.Arch == host.Arch {
		return nil
	}
	return invalid("arch", "must be `%s` on this host; got `%s`", host.Arch, t.Arch)
}

func (t *Template) validateImages() error {
	for i, image := range t.Images {
		path := fmt.Sprintf("images[%d]", i)
		name, ours := strings.CutPrefix(image.Location, imagePrefix)
		if !ours || !imagePattern.MatchString(name) {
			return invalid(path+".location", "must be `rdd:NAME`, an image that rdd builds, such as `rdd:docker`; got `%s`", image.Location)
		}
		if err := oneOf(path+".arch", image.Arch, ArchX8664, ArchAArch64); err != nil {
			return err
		}
	}
	if t.Image() == (Image{}) {
		return invalid("images", "must have an image for `%s`, such as `location: rdd:docker`", t.Arch)
	}
	return nil
}

func (t *Template) validateSizes(host Host) error {
	if t.CPUs < 1 || t.CPUs > host.CPUs {
		return invalid("cpus", "must be between 1 and %d, the number of this host's CPUs; got %d", host.CPUs, t.CPUs)
	}
	if t.Memory < minMemory || t.Memory > host.Memory {
		return invalid("memory", "must be between %s and %s, this host's memory; got %s",
			units.BytesSize(minMemory), units.BytesSize(float64(host.Memory)), units.BytesSize(float64(t.Memory)))
	}
	if t.Disk < minDisk {
		return invalid("disk", "must be at least %s; got %s", units.BytesSize(minDisk), units.BytesSize(float64(t.Disk)))
	}
	return nil
}

// validateNames accepts what can be the name and value of an environment variable.
func validateNames(field string, m map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		path := field + "." + name
		if !namePattern.MatchString(name) {
			return invalid(path, "must be named with letters, digits and underscores, not starting with a digit")
		}
		if strings.ContainsAny(m[name], "\x00\n\r") {
			return invalid(path, "must be one line of text")
		}
	}
	return nil
}

func (t *Template) validateProvision() error {
	for i, p := range t.Provision {
		path := fmt.Sprintf("provision[%d]", i)
		if err := oneOf(path+".mode", p.Mode, ModeSystem, ModeUser, ModeBoot); err != nil {
			return err
		}
		if err := validateScript(path+".script", p.Script); err != nil {
			return err
		}
	}
	return nil
}

func (t *Template) validateProbes() error {
	for i, p := range t.Probes {
		if err := validateScript(fmt.Sprintf("probes[%d].script", i), p.Script); err != nil {
			return err
		}
	}
	return nil
}

func validateScript(field, script string) error {
	if strings.TrimSpace(script) == "" {
		return invalid(field, "must not be empty")
	}
	if strings.ContainsRune(script, 0) {
		return invalid(field, "must not hold NUL characters")
	}
	return nil
}

func (t *Template) validateForwards() error {
	for i, f := range t.PortForwards {
		path := fmt.Sprintf("portForwards[%d]", i)
		if f.GuestSocket == "" {
			return invalid(path+".guestSocket", "must not be empty")
		}
		if f.HostSocket == "" {
			return invalid(path+".hostSocket", "must not be empty")
		}
	}
	return nil
}

func (t *Template) validateSSH() error {
	if t.SSH.LocalPort < 0 || t.SSH.LocalPort > maxPort {
		return invalid("ssh.localPort", "must be between 0 (any free port) and %d; got %d", maxPort, t.SSH.LocalPort)
	}
	return nil
}

// checkParams refuses a given parameter that the template neither declares nor uses: a misspelled name would be lost silently.
func (t *Template) checkParams(given, declared map[string]string) error {
	used, err := t.usedParams()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := declared[name]; !ok && !used[name] {
			known := slices.Sorted(maps.Keys(declared))
			return invalid("param."+name, "is not a parameter of the template; it has: %s", cmp.Or(strings.Join(known, ", "), "none"))
		}
	}
	return nil
}
