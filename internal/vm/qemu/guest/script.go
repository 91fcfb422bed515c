// SPDX-License-Identifier: Apache-2.0

package guest

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

//go:embed boot.sh
var bootScript string

//go:embed provision.sh
var provisionScript string

// Settings are what the scripts are rendered from.
type Settings struct {
	User     vmdir.User
	Keys     Keys
	Template *template.Template // expanded
	Shares   share.Set
	Links    []share.Link
	// Hosts are lines of /etc/hosts: see Hosts.
	Hosts string
	// SSHPort is where the guest's sshd is to listen; 0 leaves it where it is.
	SSHPort int
}

const (
	// HostFiles exists in the guest once the host has made the changes for which the scripts wait: see
	// AwaitsHost.
	HostFiles = "/run/rdd/host-files"
	// WantsSSHFS exists in a guest that leaves its mounts to the host.
	WantsSSHFS = "/run/rdd/sshfs"
	// Mounted exists in the guest once the host has made them. Services wait for it.
	Mounted = "/run/rdd/mounted"
)

// AwaitsHost reports whether the guest's scripts wait until the host has changed files, and has
// made the mounts that the guest leaves to it.
func AwaitsHost(t *template.Template) bool {
	return len(t.Mounts) > 0 && t.MountDriver() != template.Mount9p ||
		slices.ContainsFunc(t.Provision, func(p template.Provision) bool { return p.Mode == template.ModeYQ })
}

// Boot renders the credential rdd.boot: a shell script that root runs. It contains the guest's
// private host key, so it must be readable by the user only.
func (s Settings) Boot() []byte {
	var b strings.Builder
	s.variables(&b, map[string]string{
		"authorized_key":  strings.TrimSpace(s.Keys.Authorized),
		"host_key":        strings.TrimSpace(s.Keys.Host),
		"environment":     environment(s.Template.Env),
		"ssh_environment": sshEnvironment(s.Template.Env),
		"profile":         profile(s.Template.Env),
		"unit_variables":  unitEnvironment(s.Template.Env),
		"hosts":           s.Hosts,
		"comment":         s.Template.User.Comment,
		"login_shell":     s.Template.User.Shell,
		"timezone":        s.Template.Timezone,
		"name_servers":    nameServers(s.Template.DNS),
		"ssh_port":        portText(s.SSHPort),
		"own_ssh_port":    portText(OwnSSHPort),
		"mount_driver":    s.Template.MountDriver(),
	})
	b.WriteString(bootScript)
	fmt.Fprintf(&b, "ca_certs %t %s\n", s.Template.CACerts.RemoveDefaults, sshx.Quote(s.Template.CACerts.Certificates()...))
	for i, d := range s.Template.AdditionalDisks {
		fmt.Fprintf(&b, "disk %s %t %s\n", sshx.Quote(fmt.Sprintf("additionalDisks[%d]", i), machine.DiskSerial(i), template.DiskMounts+d.Name),
			d.Format != nil && *d.Format, sshx.Quote(append([]string{d.FSType}, d.FSArgs...)...))
	}
	for _, share := range s.Shares {
		access := "ro"
		if share.Writable {
			access = "rw"
		}
		fmt.Fprintf(&b, "share %s %s %s %s\n", sshx.Quote(share.Field), share.Tag, access, sshx.Quote(share.MountPoint))
	}
	b.WriteString("hold_services\n")
	for _, link := range s.Links {
		fmt.Fprintf(&b, "link %s\n", sshx.Quote(link.Path, link.Target))
	}
	s.files(&b)
	s.scripts(&b, template.ModeBoot)
	b.WriteString("finish\n")
	return []byte(b.String())
}

// Provision renders the credential rdd.provision. The scripts of mode dependency run first, then
// those of mode system and at last those of mode user, each in the template's order, and all of
// them at every boot, as with Lima.
func (s Settings) Provision() []byte {
	var b strings.Builder
	s.variables(&b, map[string]string{
		"login_shell": s.Template.User.Shell,
		"http_proxy":  s.Template.Env["http_proxy"], "https_proxy": s.Template.Env["https_proxy"],
	})
	b.WriteString(provisionScript)
	if s.Template.Containerd.System {
		b.WriteString("containerd_system\n")
	}
	if AwaitsHost(s.Template) {
		b.WriteString("await_host\n")
	}
	s.scripts(&b, template.ModeDependency)
	s.scripts(&b, template.ModeSystem)
	s.scripts(&b, template.ModeUser)
	b.WriteString("finish\n")
	return []byte(b.String())
}

// variables assigns the variables of boot.sh and provision.sh. It also defines their function
// given, which replaces the shell by a program that has the template's variables. They are
// arguments of env(1) and never the shell's own, whose commands must not change with them.
func (s Settings) variables(b *strings.Builder, more map[string]string) {
	fmt.Fprintf(b, "user=%s uid=%d home=%s\n", sshx.Quote(s.User.Name), s.User.UID, sshx.Quote(s.User.Home))
	for _, name := range slices.Sorted(maps.Keys(more)) {
		fmt.Fprintf(b, "%s=%s\n", name, sshx.Quote(more[name]))
	}
	b.WriteString("given() {\n    exec ${as:+runuser -u \"$as\" --} env \\\n")
	for _, assignment := range s.Template.Variables() {
		name, value, _ := strings.Cut(assignment, "=")
		fmt.Fprintf(b, "        %s=%s \\\n", name, sshx.Quote(value))
	}
	b.WriteString("        \"$@\"\n}\n")
}

// portText is empty for no port.
func portText(port int) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(port)
}

// nameServers are lines of resolv.conf(5); empty when the template has no servers of its own.
func nameServers(servers []string) string {
	var lines []string
	for _, server := range servers {
		lines = append(lines, "nameserver "+server)
	}
	return strings.Join(lines, "\n")
}

// files writes the template's files before anything reads them: services, and scripts of all modes.
func (s Settings) files(b *strings.Builder) {
	for i, p := range s.Template.Provision {
		if p.Mode == template.ModeData {
			overwrite := p.Overwrite == nil || *p.Overwrite
			fmt.Fprintf(b, "file %s %t %s\n",
				sshx.Quote(fmt.Sprintf("provision[%d]", i), p.Path, p.Owner, p.Permissions), overwrite, sshx.Quote(p.Content))
		}
	}
}

// scripts runs the template's scripts of a mode, in their order.
func (s Settings) scripts(b *strings.Builder, mode string) {
	for i, p := range s.Template.Provision {
		if p.Mode == mode {
			fmt.Fprintf(b, "run %s %s %s\n", sshx.Quote(fmt.Sprintf("provision[%d]", i)), mode, sshx.Quote(p.Script))
		}
	}
}
