// SPDX-License-Identifier: Apache-2.0

package template

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	// maxMemoryARMv7L is what fits below the 4 GiB that a 32-bit kernel without LPAE addresses, beside
	// the devices.
	maxMemoryARMv7L = 3 << 30
)

// resolved is Lima's value of vmType and arch for "what the host offers".
const resolved = "default"

var (
	// envPattern is a name that every shell can export; paramPattern is Lima's.
	envPattern   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	paramPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// fill sets the defaults.
func (t *Template) fill(host Host) {
	setDefault(&t.VMType, VMTypeQEMU)
	setDefault(&t.Arch, host.Arch)
	setDefault(&t.CPUs, min(2, host.CPUs))
	setDefault(&t.Memory, defaultMemory)
	setDefault(&t.Disk, defaultDisk)
	if t.Plain {
		t.Mounts = nil
	}
	for i := range t.Images {
		setDefault(&t.Images[i].Arch, t.Arch)
	}
	t.Video.fill()
	if len(t.AdditionalDisks) == 0 {
		t.AdditionalDisks = nil
	}
	for i := range t.AdditionalDisks {
		t.AdditionalDisks[i].fill()
	}
	for i := range t.Provision {
		t.Provision[i].fill()
	}
	for i := range t.Probes {
		t.Probes[i].Script = unixText(t.Probes[i].Script)
		setDefault(&t.Probes[i].Mode, ProbeReadiness)
		setDefault(&t.Probes[i].Description, fmt.Sprintf("probe %d of %d", i+1, len(t.Probes)))
	}
}

// fill sets Lima's defaults.
func (p *Provision) fill() {
	setDefault(&p.Mode, ModeSystem)
	p.Script, p.Content = unixText(p.Script), unixProgram(p.Content)
	if p.Mode != ModeData && p.Mode != ModeYQ {
		return
	}
	setDefault(&p.Owner, "root:root")
	setDefault(&p.Permissions, "644")
	if p.Mode == ModeYQ {
		return
	}
	if p.Overwrite == nil {
		overwrite := true
		p.Overwrite = &overwrite
	}
}

// setDefault sets a field that has its zero value.
func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// invalid returns a *vm.InvalidSpecError.
func invalid(field, format string, args ...any) error {
	return &vm.InvalidSpecError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// validate checks the values of the decoded template. The error names the first invalid one.
func (t *Template) validate(host Host) error {
	checks := []func() error{
		func() error { return oneOf("vmType", t.VMType, VMTypeQEMU) },
		func() error { return oneOf("arch", t.Arch, architectures...) },
		func() error { return t.validateImages(host) },
		func() error { return t.validateSizes(host) },
		t.validateTPM,
		func() error {
			return validateNames("env", t.Env, envPattern, "letters, digits and underscores, not starting with a digit")
		},
		func() error {
			return validateNames("param", t.Param, paramPattern, "letters, digits and underscores, starting with a letter")
		},
		t.validateParams,
		t.validateProvision,
		t.validateProbes,
		t.validateSSH,
		t.validateForwards,
		t.validateHosts,
		t.validateTimezone,
		t.User.validate,
		t.validateDNS,
		t.validateCACerts,
		t.validateDisks,
		t.validateVideo,
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

// noTPM are the architectures whose machines cannot have a TPM in QEMU.
var noTPM = []string{ArchRISCV64, ArchS390X}

func (t *Template) validateTPM() error {
	if t.TPM && slices.Contains(noTPM, t.Arch) {
		return invalid("tpm", "must be `false` with `arch: %s`, for which QEMU has no TPM; got `true`", t.Arch)
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
	if t.Arch == ArchARMv7L && t.Memory > maxMemoryARMv7L {
		return invalid("memory", "must be at most %s with `arch: %s`; got %s",
			units.BytesSize(maxMemoryARMv7L), t.Arch, units.BytesSize(float64(t.Memory)))
	}
	if t.Disk < minDisk {
		return invalid("disk", "must be at least %s; got %s", units.BytesSize(minDisk), units.BytesSize(float64(t.Disk)))
	}
	return nil
}

// validateNames checks the keys of a map. A key that is no printable text must not become a part of
// the path.
func validateNames(field string, m map[string]string, pattern *regexp.Regexp, rule string) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !pattern.MatchString(name) {
			if !isLine(name) || len(name) > maxKey {
				return invalid(field, "has the name %q, which must be made of %s", shorten(name), rule)
			}
			return invalid(field+"."+name, "must be named with %s", rule)
		}
	}
	return nil
}

// validateParams: parameters are exported to scripts as environment variables.
func (t *Template) validateParams() error {
	for _, name := range slices.Sorted(maps.Keys(t.Param)) {
		if err := validateLine("param."+name, t.Param[name]); err != nil {
			return err
		}
	}
	return nil
}

// validateLine accepts what can be the value of an environment variable: one line, of visible
// characters, spaces and tabs.
func validateLine(field, text string) error {
	if isLine(text) {
		return nil
	}
	r, _ := utf8.DecodeRuneInString(text[strings.IndexFunc(text, isNoText):])
	return invalid(field, "must be one line of visible characters; got %q in it", r)
}

func isLine(text string) bool { return !strings.ContainsFunc(text, isNoText) }

// isNoText reports whether a character is neither visible nor a space or tab.
func isNoText(r rune) bool { return r != '\t' && (r == utf8.RuneError || !unicode.IsGraphic(r)) }

func (t *Template) validateSSH() error {
	switch port := t.SSH.LocalPort; {
	case port == sshPort:
		return invalid("ssh.localPort", "must not be %d, the port of the host's own ssh server", sshPort)
	case port < 0 || port > maxPort:
		return invalid("ssh.localPort", "must be between 0 (any free port) and %d; got %d", maxPort, port)
	}
	return nil
}

// checkParams refuses a given parameter that the template neither declares nor uses. Otherwise a
// misspelled name would be ignored silently.
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
