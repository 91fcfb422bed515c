// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"text/template"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	vmtemplate "rancherdesktop.io/rdd/internal/vm/template"
)

//go:embed template.yaml
var templateText string

// machine is what of an App's spec ends up in the template.
type machine struct {
	CPUs         int
	MemoryBytes  int64
	DockerSocket string
}

// wanted is the machine that the spec asks for; what is not said has the host's default.
func (f Facts) wanted(spec appv1.AppSpec) machine {
	m := machine{CPUs: int(spec.VirtualMachine.CPUs), MemoryBytes: defaultMemory(f.Host), DockerSocket: f.DockerSocket}
	if m.CPUs == 0 {
		m.CPUs = int(defaultCPUs(f.Host))
	}
	if spec.VirtualMachine.Memory != nil {
		m.MemoryBytes = spec.VirtualMachine.Memory.Value()
	}
	return m
}

// Memory is the size as Lima writes it; a size that is no whole number of MiB is rounded down to one.
func (m machine) Memory() string { return fmt.Sprintf("%dMiB", m.MemoryBytes>>20) }

// render writes the Lima template for a machine.
func render(m machine) (string, error) {
	t, err := template.New("template.yaml").Delims("[[", "]]").Funcs(template.FuncMap{"quote": quote}).Parse(templateText)
	if err != nil {
		return "", fmt.Errorf("parsing the embedded template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, m); err != nil {
		return "", fmt.Errorf("rendering the embedded template: %w", err)
	}
	return out.String(), nil
}

// quote writes text as a JSON string, which YAML reads as it is meant.
func quote(text string) (string, error) {
	data, err := json.Marshal(text)
	return string(data), err
}

// matches reports whether a template already describes the machine. Only what comes from the spec
// is compared: a newer rdd with a better embedded template does not restart a machine.
func (f Facts) matches(data string, m machine) bool {
	t, err := vmtemplate.Load([]byte(data), nil, f.Host)
	if err != nil {
		return false
	}
	return t.CPUs == m.CPUs && t.Memory>>20 == m.MemoryBytes>>20 &&
		len(t.PortForwards) == 1 && t.PortForwards[0].HostSocket == m.DockerSocket
}
