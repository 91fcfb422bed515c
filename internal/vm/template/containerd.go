// SPDX-License-Identifier: Apache-2.0

package template

// Containerd says where the guest runs it.
type Containerd struct {
	// System as a service of the system's.
	System bool `yaml:"system,omitempty"`
}

// decode takes the containerd of the guest's distribution, which has no archives of Lima's.
func (c *Containerd) decode(v value) error {
	const rootless = "rdd sets up the system's containerd only, with `system: true`; a provision script of mode user can set up one " +
		"without root (containerd-rootless-setuptool.sh install)"
	return mapping(fields{
		"system": boolean(&c.System), "user": inert(rootless, "false"),
		"archives": none("containerd is installed from the packages of the guest's distribution"),
	})(v)
}
