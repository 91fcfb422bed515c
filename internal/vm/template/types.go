// SPDX-License-Identifier: Apache-2.0

package template

// Architectures in Lima's spelling.
const (
	ArchX8664   = "x86_64"
	ArchAArch64 = "aarch64"
	ArchARMv7L  = "armv7l"
	ArchPPC64LE = "ppc64le"
	ArchRISCV64 = "riscv64"
	ArchS390X   = "s390x"
)

// VMTypeQEMU is the only machine type so far.
const VMTypeQEMU = "qemu"

// Modes of a Provision.
const (
	// ModeSystem scripts run as root when the guest is up.
	ModeSystem = "system"
	// ModeDependency scripts run as root before those of ModeSystem.
	ModeDependency = "dependency"
	// ModeUser scripts run as the guest's user after the system scripts.
	ModeUser = "user"
	// ModeBoot scripts run as root early in every boot, before services start.
	ModeBoot = "boot"
	// ModeYQ sets values in a file before any script of mode dependency or system runs.
	ModeYQ = "yq"
	// ModeData writes a file before any script of mode system runs.
	ModeData = "data"
)

// ProbeReadiness is the only mode of a Probe.
const ProbeReadiness = "readiness"

// Protocols of a PortForward.
const (
	ProtoTCP = "tcp"
	ProtoUDP = "udp"
	ProtoAny = "any"
)

// Template describes a virtual machine. Sizes are in bytes. Its text fields may have expressions
// until Expand.
type Template struct {
	VMType       string            `yaml:"vmType"`
	Arch         string            `yaml:"arch"`
	Images       []Image           `yaml:"images"`
	CPUs         int               `yaml:"cpus"`
	Memory       int64             `yaml:"memory"`
	Disk         int64             `yaml:"disk"`
	Mounts       []Mount           `yaml:"mounts,omitempty"`
	Env          map[string]string `yaml:"env,omitempty"`
	Param        map[string]string `yaml:"param,omitempty"`
	Provision    []Provision       `yaml:"provision,omitempty"`
	Probes       []Probe           `yaml:"probes,omitempty"`
	PortForwards []PortForward     `yaml:"portForwards,omitempty"`
	CopyToHost   []CopyToHost      `yaml:"copyToHost,omitempty"`
	HostResolver HostResolver      `yaml:"hostResolver,omitempty"`
	SSH          SSH               `yaml:"ssh,omitempty"`
	Message      string            `yaml:"message,omitempty"`
	Firmware     Firmware          `yaml:"firmware,omitempty"`
	// CPUType has QEMU's CPU models by architecture: see CPUModel.
	CPUType map[string]string `yaml:"cpuType,omitempty"`
	User    GuestUser         `yaml:"user,omitempty"`
	// CACerts are whom programs in the guest trust.
	CACerts CACerts `yaml:"caCerts,omitempty"`
	// Timezone of the guest, such as Europe/Berlin; empty: the image's.
	Timezone string `yaml:"timezone,omitempty"`
	// DNS lists the addresses of name servers that the guest asks; empty: the host's.
	DNS []string `yaml:"dns,omitempty"`
	// Video is the guest's screen.
	Video Video `yaml:"video,omitempty"`
	// Containerd is installed in guests that do not have it.
	Containerd Containerd `yaml:"containerd,omitempty"`
	// AdditionalDisks are kept apart from the machine: see AdditionalDisk.
	AdditionalDisks []AdditionalDisk `yaml:"additionalDisks,omitempty"`
	// Plain leaves out mounts and all forwards but static ones.
	Plain bool `yaml:"plain,omitempty"`
	// TPM gives the machine a TPM 2.0, which swtpm emulates.
	TPM bool `yaml:"tpm,omitempty"`
	// PropagateProxyEnv gives the guest the host's proxy variables: see AddProxies.
	PropagateProxyEnv bool `yaml:"propagateProxyEnv,omitempty"`
}

// Image is a guest's disk for one architecture.
type Image struct {
	// Location is `rdd:NAME` (an image that rdd builds), an http(s) URL, or a file: an absolute path,
	// or below `~/` before Expand.
	Location string `yaml:"location"`
	Arch     string `yaml:"arch"`
	// ArchVariant is Lima's label for an image that needs another level of the architecture, such as
	// v3. It is taken by those templates only that name it first.
	ArchVariant string `yaml:"archVariant,omitempty"`
	// Digest of what Location holds, `sha256:HEX` or `sha512:HEX`; empty: not checked.
	Digest string `yaml:"digest,omitempty"`
	// Kernel is booted directly when given; otherwise firmware starts the image's boot loader.
	Kernel *Kernel `yaml:"kernel,omitempty"`
	// Initrd goes with Kernel.
	Initrd *Initrd `yaml:"initrd,omitempty"`
}

// Kernel is a Linux kernel; Location and Digest are those of an Image, without `rdd:`.
type Kernel struct {
	Location string `yaml:"location"`
	Digest   string `yaml:"digest,omitempty"`
	// Cmdline is its command line.
	Cmdline string `yaml:"cmdline,omitempty"`
}

// Initrd is an initial RAM disk; Location and Digest are those of an Image, without `rdd:`.
type Initrd struct {
	Location string `yaml:"location"`
	Digest   string `yaml:"digest,omitempty"`
}

// Mount makes a directory of the host visible in the guest.
type Mount struct {
	// Location is a directory of the host: after Expand an absolute path.
	Location string `yaml:"location"`
	// MountPoint in the guest: after Expand an absolute path, Location's when the template names none.
	MountPoint string `yaml:"mountPoint,omitempty"`
	// Writable from the guest.
	Writable bool `yaml:"writable,omitempty"`
}

// Provision prepares the guest at every boot: by a script, or, with ModeData, by a file.
type Provision struct {
	Mode string `yaml:"mode"`
	// Script is run by the program of its `#!` line, or by /bin/sh. Its lines end as Unix has it.
	Script string `yaml:"script,omitempty"`

	// Expression sets values of the file at Path, which has a Format of package assign. Both belong to
	// ModeYQ, as Path, Owner and Permissions do.
	Expression string `yaml:"expression,omitempty"`
	Format     string `yaml:"format,omitempty"`

	// Path of the file in the guest: after Expand absolute. This and what follows belong to ModeData.
	Path    string `yaml:"path,omitempty"`
	Content string `yaml:"content,omitempty"`
	// Owner is USER or USER:GROUP, as chown reads it.
	Owner string `yaml:"owner,omitempty"`
	// Permissions are octal digits, as chmod reads them.
	Permissions string `yaml:"permissions,omitempty"`
	// Overwrite a file that is there; nil only where Mode is another one.
	Overwrite *bool `yaml:"overwrite,omitempty"`
}

// Probe is a script that ends with 0 once the guest is ready. It runs as the guest's user.
type Probe struct {
	Mode        string `yaml:"mode"`
	Script      string `yaml:"script"`
	Description string `yaml:"description"`
	// Hint is the remedy for people when the probe does not pass.
	Hint string `yaml:"hint,omitempty"`
}

// PortForward says where on the host ports or a Unix socket of the guest are forwarded to, or that
// they are not. The rules of Template.PortForwards are as they were written; those of
// Template.PortRules have all defaults.
type PortForward struct {
	GuestIP string `yaml:"guestIP,omitempty"`
	// GuestPort is short for a GuestPortRange of one port, as HostPort is for HostPortRange.
	GuestPort      int       `yaml:"guestPort,omitempty"`
	GuestPortRange PortRange `yaml:"guestPortRange,omitempty,flow"`
	// GuestSocket is an absolute path after Expand, as HostSocket is.
	GuestSocket   string    `yaml:"guestSocket,omitempty"`
	HostIP        string    `yaml:"hostIP,omitempty"`
	HostPort      int       `yaml:"hostPort,omitempty"`
	HostPortRange PortRange `yaml:"hostPortRange,omitempty,flow"`
	HostSocket    string    `yaml:"hostSocket,omitempty"`
	// Proto is ProtoTCP, ProtoUDP or ProtoAny; a socket's is ProtoTCP or ProtoAny.
	Proto string `yaml:"proto,omitempty"`
	// Ignore: what matches is not forwarded, whatever later rules say.
	Ignore bool `yaml:"ignore,omitempty"`
	// Static: TCP is forwarded whether or not anything listens in the guest.
	Static bool `yaml:"static,omitempty"`
	// Reverse: HostSocket is the host's, and GuestSocket leads to it from the guest.
	Reverse bool `yaml:"reverse,omitempty"`
	// GuestIPMustBeZero: a GuestIP of 0.0.0.0 means this very address and not any. Nil only in a
	// template's own rules.
	GuestIPMustBeZero *bool `yaml:"guestIPMustBeZero,omitempty"`
}

// CopyToHost is a file of the guest that is copied to the host once the guest is ready.
type CopyToHost struct {
	// Guest and Host are absolute paths after Expand.
	Guest string `yaml:"guest"`
	Host  string `yaml:"host"`
	// DeleteOnStop removes the host's file when the machine has ended.
	DeleteOnStop bool `yaml:"deleteOnStop,omitempty"`
	// SkipIfMissing: without the guest's file nothing is copied. Otherwise the start fails.
	SkipIfMissing bool `yaml:"skipIfMissing,omitempty"`
}

// PortRange is the first and the last of some ports; the zero value means that none are given.
type PortRange [2]int

// IsZero keeps a range that is not given out of the YAML.
func (r PortRange) IsZero() bool { return r == PortRange{} }

// count is the number of ports.
func (r PortRange) count() int { return r[1] - r[0] + 1 }

func (r PortRange) contains(port int) bool { return r[0] <= port && port <= r[1] }

// HostResolver adds names to those that the guest can look up.
type HostResolver struct {
	// Hosts maps a name to an IP address or to another name; `host.lima.internal` is the host.
	Hosts map[string]string `yaml:"hosts,omitempty"`
}

// GuestUser says how the guest's user differs from one that is made after the host's. Name, Home
// and UID count when the machine is made, the others at each start.
type GuestUser struct {
	Name    string `yaml:"name,omitempty"`
	Comment string `yaml:"comment,omitempty"`
	// Home is an absolute path, in which {{.User}} is the user's name.
	Home string `yaml:"home,omitempty"`
	// Shell is the absolute path of a program.
	Shell string `yaml:"shell,omitempty"`
	UID   int    `yaml:"uid,omitempty"`
}

// Firmware starts an image's boot loader.
type Firmware struct {
	// LegacyBIOS instead of UEFI, where the architecture has one: x86_64.
	LegacyBIOS bool `yaml:"legacyBIOS,omitempty"`
}

// SSH says how the guest's sshd is reached.
type SSH struct {
	// LocalPort on 127.0.0.1; 0 means any free one.
	LocalPort int `yaml:"localPort,omitempty"`
	// ForwardAgent lets programs in the guest use the ssh agent of who opens a session.
	ForwardAgent bool `yaml:"forwardAgent,omitempty"`
}
