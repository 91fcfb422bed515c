// SPDX-License-Identifier: Apache-2.0

// Package template reads the Lima templates that describe virtual machines.
//
// Reading is strict. A field that rdd does not honour is refused with its path and
// place, never ignored, so that a template either means what it says or is turned
// down before anything is made from it. Load parses, merges the parameters, fills
// the defaults and validates; Expand puts in what is known only when the machine is made.
//
// Differences to Lima that do not change a machine: a null value means an absent
// one, `containerd` may only be switched off, and YAML anchors are not read.
package template

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Architectures in Lima's spelling.
const (
	ArchX8664   = "x86_64"
	ArchAArch64 = "aarch64"
)

// VMTypeQEMU is the only machine type so far.
const VMTypeQEMU = "qemu"

// Modes of a Provision.
const (
	// ModeSystem scripts run as root when the guest is up.
	ModeSystem = "system"
	// ModeUser scripts run as the guest's user after the system scripts.
	ModeUser = "user"
	// ModeBoot scripts run as root early in every boot, before services start.
	ModeBoot = "boot"
)

// Template says what a virtual machine is made of. Sizes are bytes.
type Template struct {
	VMType       string            `yaml:"vmType"`
	Arch         string            `yaml:"arch"`
	Images       []Image           `yaml:"images"`
	CPUs         int               `yaml:"cpus"`
	Memory       int64             `yaml:"memory"`
	Disk         int64             `yaml:"disk"`
	Env          map[string]string `yaml:"env,omitempty"`
	Param        map[string]string `yaml:"param,omitempty"`
	Provision    []Provision       `yaml:"provision,omitempty"`
	Probes       []Probe           `yaml:"probes,omitempty"`
	PortForwards []PortForward     `yaml:"portForwards,omitempty"`
	SSH          SSH               `yaml:"ssh,omitempty"`
	Message      string            `yaml:"message,omitempty"`
}

// Image is a guest image for one architecture.
type Image struct {
	// Location is `rdd:NAME`: an image that rdd builds.
	Location string `yaml:"location"`
	Arch     string `yaml:"arch"`
}

// Provision is a script that prepares the guest at every boot.
type Provision struct {
	Mode   string `yaml:"mode"`
	Script string `yaml:"script"`
}

// Probe is a script that ends with 0 once the guest is ready.
type Probe struct {
	Script      string `yaml:"script"`
	Description string `yaml:"description,omitempty"`
	// Hint tells people what to do when the probe does not pass.
	Hint string `yaml:"hint,omitempty"`
}

// PortForward makes a Unix socket of the guest reachable on the host. Both are absolute paths after Expand.
type PortForward struct {
	GuestSocket string `yaml:"guestSocket"`
	HostSocket  string `yaml:"hostSocket"`
}

// SSH says how the guest's sshd is reached.
type SSH struct {
	// LocalPort on 127.0.0.1; 0 means any free one.
	LocalPort int `yaml:"localPort,omitempty"`
}

// Load parses data, merges params over the template's `param`, fills defaults for host and validates the result.
//
// The error says whether parsing or validating failed and where; it wraps a
// *ParseError or a *vm.InvalidSpecError.
func Load(data []byte, params map[string]string, host Host) (*Template, error) {
	t, places, err := read(data)
	if err != nil {
		return nil, err
	}
	if err := t.complete(params, host); err != nil {
		return nil, places.locate(err)
	}
	return t, nil
}

func (t *Template) complete(params map[string]string, host Host) error {
	declared := maps.Clone(t.Param)
	t.merge(params)
	t.fill(host)
	if err := t.validate(host); err != nil {
		return err
	}
	if err := t.checkParams(params, declared); err != nil {
		return err
	}
	_, err := t.Expand(sampleValues())
	return err
}

func (t *Template) merge(params map[string]string) {
	if t.Param == nil && len(params) > 0 {
		t.Param = map[string]string{}
	}
	maps.Copy(t.Param, params)
}

// Image returns the image for the template's architecture: the first that fits.
func (t *Template) Image() Image {
	i := slices.IndexFunc(t.Images, func(image Image) bool { return image.Arch == t.Arch })
	if i < 0 {
		return Image{}
	}
	return t.Images[i]
}

// YAML writes the template as Load reads it.
func (t *Template) YAML() ([]byte, error) {
	data, err := yaml.Dump(t)
	if err != nil {
		return nil, fmt.Errorf("writing the template: %w", err)
	}
	return data, nil
}

// Revision identifies a template's text and parameters: the same input has the same revision, whatever the order of the map.
func Revision(data []byte, params map[string]string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d:%s", len(data), data)
	for _, key := range slices.Sorted(maps.Keys(params)) {
		fmt.Fprintf(sum, "%d:%s%d:%s", len(key), key, len(params[key]), params[key])
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
