// SPDX-License-Identifier: Apache-2.0

// Package seed makes the disk from which cloud-init, in images that rdd did not build, reads the
// machine's settings.
//
// It is a NoCloud seed (cloud-init's documentation, "NoCloud"): an ISO 9660 file system labelled
// cidata with meta-data, user-data and network-config. Beside them lie the boot and provision
// scripts that rdd's own images get as systemd credentials; user-data has cloud-init run the first
// in its network stage, before sshd, and the second at the end, at every boot. Everything else that
// cloud-init would do of its own, users and ssh keys, is switched off: the scripts do it.
//
// The scripts carry the guest's host key, so the seed is readable by its owner only, and the guest
// takes them from it as root.
package seed

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// label of the file system, by which cloud-init finds it.
const label = "cidata"

//go:embed user-data
var userData string

//go:embed run
var runScript string

// Config is what a machine's cloud-init gets.
type Config struct {
	// Hostname of the guest.
	Hostname string
	// InstanceID is unique to the machine: cloud-init repeats its work for the first boot when it
	// changes.
	InstanceID string
	// MAC address of the network device.
	MAC string
	// Boot and Provision are the scripts of package guest.
	Boot, Provision []byte
	// DNS lists the name servers that the guest asks; empty: QEMU's, which asks the host's.
	DNS []string
}

// files of the seed by name.
func (c Config) files() map[string]string {
	return map[string]string{
		"meta-data":      fmt.Sprintf("instance-id: %s\nlocal-hostname: %s\n", c.InstanceID, c.Hostname),
		"user-data":      userData,
		"network-config": c.network(),
		"run":            runScript,
		"boot":           string(c.Boot),
		"provision":      string(c.Provision),
	}
}

// network is QEMU's user-mode network, whose addresses are always these. DHCP would take seconds.
func (c Config) network() string {
	return fmt.Sprintf(`version: 2
ethernets:
  rdd:
    match: {macaddress: "%s"}
    addresses: [10.0.2.15/24]
    routes: [{to: 0.0.0.0/0, via: 10.0.2.2}]
    nameservers: {addresses: [%s]}
    accept-ra: false
`, c.MAC, cmp.Or(strings.Join(c.DNS, ", "), "10.0.2.3"))
}

// Write replaces the seed at path, whole or not at all. Its temporary files are beside it.
func Write(path string, c Config) (err error) {
	workspace, partial := path+".files", path+".partial"
	defer func() {
		if err = errors.Join(err, atomicfile.RemoveAll(workspace)); err != nil {
			err = fmt.Errorf("writing the seed for cloud-init: %w", err)
		}
	}()
	if err := errors.Join(atomicfile.RemoveAll(workspace), os.Mkdir(workspace, 0o700)); err != nil {
		return err
	}
	for name, text := range c.files() {
		if err := os.WriteFile(filepath.Join(workspace, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := pack(workspace, partial); err != nil {
		return err
	}
	return atomicfile.Rename(partial, path)
}

// pack writes a directory's files as an ISO 9660 file system, and makes that durable.
func pack(dir, path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	fs, err := iso9660.Create(file.New(f, false), 0, 0, 0, dir)
	if err != nil {
		return err
	}
	if err := fs.Finalize(iso9660.FinalizeOptions{RockRidge: true, VolumeIdentifier: label}); err != nil {
		return err
	}
	return f.Sync()
}
