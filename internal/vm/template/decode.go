// SPDX-License-Identifier: Apache-2.0

package template

// decode reads a template from the document's root.
func (t *Template) decode(root value) error {
	return mapping(fields{
		"vmType":       textOr(resolved, &t.VMType),
		"arch":         textOr(resolved, &t.Arch),
		"images":       list(&t.Images, (*Image).decode),
		"cpus":         integer(&t.CPUs),
		"memory":       size(&t.Memory),
		"disk":         size(&t.Disk),
		"mounts":       list(&t.Mounts, (*Mount).decode),
		"env":          texts(&t.Env),
		"param":        texts(&t.Param),
		"provision":    list(&t.Provision, (*Provision).decode),
		"probes":       list(&t.Probes, (*Probe).decode),
		"portForwards": list(&t.PortForwards, (*PortForward).decode),
		"hostResolver": mapping(fields{"hosts": texts(&t.HostResolver.Hosts)}),
		"ssh":          mapping(fields{"localPort": integer(&t.SSH.LocalPort)}),
		"message":      text(&t.Message),
		"containerd":   mapping(fields{"system": only("false"), "user": only("false")}),
	})(root)
}

func (i *Image) decode(v value) error {
	return mapping(fields{
		"location": text(&i.Location),
		"arch":     text(&i.Arch),
		"digest":   text(&i.Digest),
		"kernel":   optional(&i.Kernel, (*Kernel).decode),
		"initrd":   optional(&i.Initrd, (*Initrd).decode),
	})(v)
}

func (k *Kernel) decode(v value) error {
	return mapping(fields{"location": text(&k.Location), "digest": text(&k.Digest), "cmdline": text(&k.Cmdline)})(v)
}

func (i *Initrd) decode(v value) error {
	return mapping(fields{"location": text(&i.Location), "digest": text(&i.Digest)})(v)
}

func (m *Mount) decode(v value) error {
	return mapping(fields{
		"location":   text(&m.Location),
		"mountPoint": text(&m.MountPoint),
		"writable":   boolean(&m.Writable),
	})(v)
}

func (p *Provision) decode(v value) error {
	return mapping(fields{
		"mode":        text(&p.Mode),
		"script":      text(&p.Script),
		"path":        text(&p.Path),
		"content":     text(&p.Content),
		"owner":       text(&p.Owner),
		"permissions": text(&p.Permissions),
		"overwrite":   optional(&p.Overwrite, decodeBool),
	})(v)
}

func (p *Probe) decode(v value) error {
	return mapping(fields{
		"mode":        text(&p.Mode),
		"script":      text(&p.Script),
		"description": text(&p.Description),
		"hint":        text(&p.Hint),
	})(v)
}

func (f *PortForward) decode(v value) error {
	return mapping(fields{
		"guestIP":           text(&f.GuestIP),
		"guestPort":         integer(&f.GuestPort),
		"guestPortRange":    f.GuestPortRange.decode,
		"guestSocket":       text(&f.GuestSocket),
		"hostIP":            text(&f.HostIP),
		"hostPort":          integer(&f.HostPort),
		"hostPortRange":     f.HostPortRange.decode,
		"hostSocket":        text(&f.HostSocket),
		"proto":             text(&f.Proto),
		"ignore":            boolean(&f.Ignore),
		"guestIPMustBeZero": optional(&f.GuestIPMustBeZero, decodeBool),
	})(v)
}

func (r *PortRange) decode(v value) error {
	var ports []int
	if err := list(&ports, decodeInt)(v); err != nil {
		return err
	}
	if len(ports) != len(r) {
		return v.failf("must be two ports, the first and the last, such as [8000, 8010]")
	}
	copy(r[:], ports)
	return nil
}
