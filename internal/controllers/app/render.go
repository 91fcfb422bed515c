// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"text/template"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	vmtemplate "rancherdesktop.io/rdd/internal/vm/template"
)

//go:embed template.yaml
var templateText string

// engineParam is the template's parameter that says which container engine the machine runs.
const engineParam = "engine"

// machine is what of an App's spec ends up in the template.
type machine struct {
	CPUs        int
	MemoryBytes int64
	Engine      appv1.EngineName
	// DockerSocket is where Docker's socket appears on the host; empty with other engines.
	DockerSocket string
	// Mounts as the spec has them; nil where it says nothing about them.
	Mounts      []appv1.Mount
	ExposePorts bool
}

// wanted is the machine that the spec asks for; what is not said has the host's default.
func (f Facts) wanted(spec appv1.AppSpec) machine {
	m := machine{
		CPUs: int(spec.VirtualMachine.CPUs), MemoryBytes: defaultMemory(f.Host),
		Engine: cmp.Or(spec.ContainerEngine.Name, appv1.EngineMoby),
		Mounts: spec.VirtualMachine.Mounts, ExposePorts: spec.VirtualMachine.ExposePorts,
	}
	if m.CPUs == 0 {
		m.CPUs = int(defaultCPUs(f.Host))
	}
	if spec.VirtualMachine.Memory != nil {
		m.MemoryBytes = spec.VirtualMachine.Memory.Value()
	}
	if m.Engine == appv1.EngineMoby {
		m.DockerSocket = f.DockerSocket
	}
	return m
}

// Memory is the size as Lima writes it; a size that is no whole number of MiB is rounded down to
// one.
func (m machine) Memory() string { return fmt.Sprintf("%dMiB", m.MemoryBytes>>20) }

// render writes the Lima template for a machine.
func render(m machine) (string, error) {
	if m.Mounts == nil {
		m.Mounts = defaultMounts()
	}
	t, err := template.New("template.yaml").Delims("[[", "]]").Funcs(template.FuncMap{"json": toJSON}).Parse(templateText)
	if err != nil {
		return "", fmt.Errorf("parsing the embedded template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, m); err != nil {
		return "", fmt.Errorf("rendering the embedded template: %w", err)
	}
	return out.String(), nil
}

// toJSON writes a value as YAML reads it, whatever is in it.
func toJSON(value any) (string, error) {
	data, err := json.Marshal(value)
	return string(data), err
}

// matches reports whether a template already describes the machine. Only what comes from the spec
// is compared: a newer rdd with a better embedded template does not restart a machine.
func (f Facts) matches(data string, m machine) bool {
	have, err := f.load(data)
	if err != nil {
		return false
	}
	text, err := render(m)
	if err != nil {
		return false
	}
	want, err := f.load(text)
	if err != nil {
		return false
	}
	if m.Mounts == nil {
		have.mounts, want.mounts = nil, nil // made by an rdd that did not know them
	}
	return reflect.DeepEqual(have, want)
}

// described is a machine as a template describes it.
type described struct {
	cpus         int
	memoryMiB    int64
	engine       string
	dockerSocket string
	mounts       []vmtemplate.Mount
	exposePorts  bool
}

// load reads of a template what comes from the spec.
func (f Facts) load(data string) (described, error) {
	t, err := vmtemplate.Load([]byte(data), nil, f.Host)
	if err != nil {
		return described{}, err
	}
	d := described{
		cpus: t.CPUs, memoryMiB: t.Memory >> 20, mounts: append([]vmtemplate.Mount{}, t.Mounts...),
		engine: cmp.Or(t.Param[engineParam], string(appv1.EngineMoby)), // templates of an older rdd do not say
	}
	for _, forward := range t.PortForwards {
		d.dockerSocket = cmp.Or(d.dockerSocket, forward.HostSocket)
		d.exposePorts = d.exposePorts || forward.HostIP == anyAddress
	}
	return d, nil
}

// anyAddress is every IPv4 address of the host.
const anyAddress = "0.0.0.0"
