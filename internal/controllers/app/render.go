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

// engineParam is the param of the template that says which container engine the machine runs.
const engineParam = "engine"

// machine has the values of an App's spec that are rendered into the template.
type machine struct {
	CPUs        int
	MemoryBytes int64
	Engine      appv1.EngineName
	// DockerSocket is the path of Docker's socket on the host; empty with other container engines.
	DockerSocket string
	// Mounts are the spec's. They are nil only for an App of an older rdd, which had none.
	Mounts      []appv1.Mount
	ExposePorts bool
}

// wanted returns the machine that the spec asks for. Fields that the spec leaves empty have the
// host's default.
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

// Memory returns the memory in Lima's notation, rounded down to whole MiB. The template calls it.
func (m machine) Memory() string { return fmt.Sprintf("%dMiB", m.MemoryBytes>>20) }

// render returns the Lima template of a machine.
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

// toJSON quotes a value for YAML: JSON is a subset of it, so no content can break the template.
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
		have.mounts, want.mounts = nil, nil // an App of an older rdd, which had no mounts
	}
	return reflect.DeepEqual(have, want)
}

// described has the values of a template that come from the spec.
type described struct {
	cpus         int
	memoryMiB    int64
	engine       string
	dockerSocket string
	mounts       []vmtemplate.Mount
	exposePorts  bool
}

// load reads from a template the values that come from the spec.
func (f Facts) load(data string) (described, error) {
	t, err := vmtemplate.Load([]byte(data), nil, f.Host)
	if err != nil {
		return described{}, err
	}
	d := described{
		cpus: t.CPUs, memoryMiB: t.Memory >> 20, mounts: append([]vmtemplate.Mount{}, t.Mounts...),
		engine: cmp.Or(t.Param[engineParam], string(appv1.EngineMoby)), // templates of an older rdd have no such param
	}
	for _, forward := range t.PortForwards {
		d.dockerSocket = cmp.Or(d.dockerSocket, forward.HostSocket)
		d.exposePorts = d.exposePorts || forward.HostIP == anyAddress
	}
	return d, nil
}

// anyAddress is every IPv4 address of the host.
const anyAddress = "0.0.0.0"
