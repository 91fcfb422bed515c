// SPDX-License-Identifier: Apache-2.0

package template

import (
	"maps"
	"regexp"

	"go.yaml.in/yaml/v4"
)

// decode reads a template from the document's root.
func (t *Template) decode(root value) error { return mapping(t.fields())(root) }

// fields are those at the root of a template, but for base.
func (t *Template) fields() fields {
	all := fields{
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
		"copyToHost":   list(&t.CopyToHost, (*CopyToHost).decode),
		"hostResolver": t.HostResolver.decode,
		"ssh":          t.SSH.decode,
		"message":      text(&t.Message),
		"containerd":   t.Containerd.decode,
		"video":        t.Video.decode,
		"firmware":     t.Firmware.decode,
		"timezone":     text(&t.Timezone),
		"user":         t.User.decode,
		"caCerts":      t.CACerts.decode,

		"additionalDisks": list(&t.AdditionalDisks, (*AdditionalDisk).decode),
		"cpuType":         t.decodeCPUType(false),
		"vmOpts": mapping(fields{
			"qemu": mapping(fields{"minimumVersion": qemuVersion, "cpuType": t.decodeCPUType(true)}),
			"vz":   otherDriver, "wsl2": otherDriver, "krunkit": otherDriver,
		}),
		"dns":   textList(&t.DNS),
		"plain": boolean(&t.Plain),
		"tpm":   boolean(&t.TPM),

		"propagateProxyEnv": boolean(&t.PropagateProxyEnv),
	}
	maps.Copy(all, inertFields())
	return all
}

func (i *Image) decode(v value) error {
	var kernelArch, initrdArch string
	err := mapping(fields{
		"location": text(&i.Location),
		"arch":     text(&i.Arch),
		"digest":   text(&i.Digest),
		"kernel":   optional(&i.Kernel, func(k *Kernel, v value) error { return k.decode(v, &kernelArch) }),
		"initrd":   optional(&i.Initrd, func(r *Initrd, v value) error { return r.decode(v, &initrdArch) }),
		"variant":  text(new(string)), // Lima's own label for the image

		"archVariant": text(&i.ArchVariant),
	})(v)
	if err != nil {
		return err
	}
	if err := i.sameArch(v.path+".kernel.arch", kernelArch); err != nil {
		return err
	}
	return i.sameArch(v.path+".initrd.arch", initrdArch)
}

// sameArch checks the architecture of a part of the image: it may only repeat the image's.
func (i *Image) sameArch(field, arch string) error {
	if arch == "" || arch == i.Arch {
		return nil
	}
	return invalid(field, "must be the `arch` of its image, or left out; got `%s`", arch)
}

func (k *Kernel) decode(v value, arch *string) error {
	return mapping(fields{
		"location": text(&k.Location), "digest": text(&k.Digest), "cmdline": text(&k.Cmdline), "arch": text(arch),
	})(v)
}

func (i *Initrd) decode(v value, arch *string) error {
	return mapping(fields{"location": text(&i.Location), "digest": text(&i.Digest), "arch": text(arch)})(v)
}

// decode accepts Lima's options for other mount drivers, and those of 9p, in their defaults only.
func (m *Mount) decode(v value) error {
	const (
		other = "it tunes a way of carrying mounts that rdd does not use"
		own   = "rdd sets this itself"
	)
	return mapping(fields{
		"location":   text(&m.Location),
		"mountPoint": text(&m.MountPoint),
		"writable":   boolean(&m.Writable),
		"sshfs": mapping(fields{
			"cache": inert(other, "true"), "followSymlinks": inert(other, "false"),
			"sftpDriver": inert(other, "", "builtin", "openssh-sftp-server"),
		}),
		"9p": mapping(fields{
			"securityModel": inert(own, "none"), "protocolVersion": inert(own, "9p2000.L"),
			"msize": inert(own, "128KiB"), "cache": inert(own, "mmap", "fscache"),
		}),
		"virtiofs": mapping(fields{"queueSize": inert(other, "1024")}),
	})(v)
}

func (p *Provision) decode(v value) error {
	return mapping(fields{
		"mode":        text(&p.Mode),
		"script":      text(&p.Script),
		"file":        unresolvedFile,
		"path":        text(&p.Path),
		"content":     text(&p.Content),
		"owner":       text(&p.Owner),
		"permissions": text(&p.Permissions),
		"overwrite":   optional(&p.Overwrite, decodeBool),
		// The rest belongs to other modes.
		"skipDefaultDependencyResolution": boolean(new(bool)), // rdd resolves none by itself
		"playbook":                        none("it belongs to mode `ansible`, which rdd does not have"),
		"expression":                      text(&p.Expression),
		"format":                          textOr("auto", &p.Format),
	})(v)
}

func (p *Probe) decode(v value) error {
	return mapping(fields{
		"mode":        text(&p.Mode),
		"script":      text(&p.Script),
		"file":        unresolvedFile,
		"description": text(&p.Description),
		"hint":        text(&p.Hint),
	})(v)
}

// unresolvedFile refuses a script in a file of its own: Document.Resolve has to replace it before.
func unresolvedFile(v value) error {
	return v.failf("names another file, which is read only when a virtual machine is created from a file: %s", mergeHint)
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
		"reverse":           boolean(&f.Reverse),
		"static":            boolean(&f.Static),
	})(v)
}

func (c *CopyToHost) decode(v value) error {
	return mapping(fields{
		"guest": text(&c.Guest), "host": text(&c.Host), "deleteOnStop": boolean(&c.DeleteOnStop), "skipIfMissing": boolean(&c.SkipIfMissing),
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

func (h *HostResolver) decode(v value) error {
	return mapping(fields{
		"hosts":   texts(&h.Hosts),
		"enabled": inert("the guest always asks the host for names, or the servers of `dns`", "true"),
		"ipv6":    inert("the guest's network is IPv4", "false"),
	})(v)
}

func (u *GuestUser) decode(v value) error {
	return mapping(fields{
		"name": text(&u.Name), "comment": text(&u.Comment), "home": text(&u.Home), "shell": text(&u.Shell), "uid": func(v value) error {
			if v.node.Value == "" {
				return nil
			}
			return integer(&u.UID)(v)
		},
	})(v)
}

func (f *Firmware) decode(v value) error {
	return mapping(fields{"legacyBIOS": boolean(&f.LegacyBIOS), "images": none("rdd finds the firmware itself")})(v)
}

// decodeCPUType reads CPU models. Those of vmOpts win over those of Lima's older field.
func (t *Template) decodeCPUType(wins bool) decoder {
	return func(v value) error {
		return eachEntry(v, func(key *yaml.Node, entry value) error {
			var model string
			if absent(entry.node) {
				return nil
			}
			if err := text(&model)(entry); err != nil {
				return err
			}
			if model != "" && !cpuPattern.MatchString(model) {
				return entry.failf("must be a CPU model of QEMU's such as Haswell-v4, with properties after commas; got `%s`", shorten(model))
			}
			if _, given := t.CPUType[key.Value]; model == "" || given && !wins {
				return nil
			}
			if t.CPUType == nil {
				t.CPUType = map[string]string{}
			}
			t.CPUType[key.Value] = model
			return nil
		})
	}
}

// cpuPattern is an argument of QEMU's -cpu.
var cpuPattern = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9_.]*(,[-+]?[A-Za-z0-9][-A-Za-z0-9_.]*(=[-A-Za-z0-9_.]+)?)*$`)

// CPUModel is the CPU that the template wants for its architecture, an argument of QEMU's -cpu;
// empty: one that fits the accelerator.
func (t *Template) CPUModel() string { return t.CPUType[t.Arch] }

func (s *SSH) decode(v value) error {
	const (
		noKeys    = "the guest takes only the key that rdd makes for it"
		noForward = "rdd forwards no displays"
	)
	return mapping(fields{
		"localPort":         integer(&s.LocalPort),
		"address":           inert("the guest's sshd is reached on the loopback only", "", loopback),
		"loadDotSSHPubKeys": inert(noKeys, "false"),
		"forwardAgent":      boolean(&s.ForwardAgent),
		"forwardX11":        inert(noForward, "false"),
		"forwardX11Trusted": inert(noForward, "false"),
		"overVsock":         inert("rdd reaches sshd by the network", "false"),
	})(v)
}
