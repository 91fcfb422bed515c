// SPDX-License-Identifier: Apache-2.0

// Package guest makes what a guest gets from its host: the user, the ssh keys, and the shell
// scripts that the image runs at each boot. They are the credentials rdd.boot, which runs before
// any service, and rdd.provision, which runs when container engine and sshd are up.
//
// Tests run the scripts' functions on this host; whole scripts are run by real guests in test/e2e.
package guest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// publicSuffix of a key's public half, as OpenSSH has it.
const publicSuffix = ".pub"

// MakeKey writes a new ed25519 key pair to path (0600) and path.pub, in OpenSSH's formats.
func MakeKey(path, comment string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("making an ssh key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return fmt.Errorf("making an ssh key: %w", err)
	}
	line, err := ssh.NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("making an ssh key: %w", err)
	}
	if err := atomicfile.Write(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return err
	}
	return atomicfile.Write(path+publicSuffix, ssh.MarshalAuthorizedKey(line), 0o644)
}

// RepairKey makes a key pair of MakeKey whole again, and reports whether it had to. A public half
// is made from the private one. Without that both are made anew, and what is damaged is set apart.
func RepairKey(path, comment string) (repaired bool, err error) {
	private, err := regular.ReadFile(path)
	var signer ssh.Signer
	if err == nil {
		signer, err = ssh.ParsePrivateKey(private)
	}
	if err != nil {
		if err := errors.Join(vmdir.SetApart(path), vmdir.SetApart(path+publicSuffix)); err != nil {
			return true, err
		}
		return true, MakeKey(path, comment)
	}
	want := ssh.MarshalAuthorizedKey(signer.PublicKey())
	if public, err := regular.ReadFile(path + publicSuffix); err == nil && bytes.Equal(public, want) {
		return false, nil
	}
	if err := vmdir.SetApart(path + publicSuffix); err != nil {
		return true, err
	}
	return true, atomicfile.Write(path+publicSuffix, want, 0o644)
}

// Keys are the keys that the scripts contain.
type Keys struct {
	// Authorized is the line of authorized_keys for the user.
	Authorized string
	// Host is the guest's private host key.
	Host string
}

// ReadKeys reads the keys that MakeKey wrote to the paths user and host.
func ReadKeys(user, host string) (Keys, error) {
	authorized, err := regular.ReadFile(user + publicSuffix)
	if err != nil {
		return Keys{}, fmt.Errorf("reading the user's ssh key: %w", err)
	}
	private, err := regular.ReadFile(host)
	if err != nil {
		return Keys{}, fmt.Errorf("reading the guest's host key: %w", err)
	}
	return Keys{Authorized: string(authorized), Host: string(private)}, nil
}

// KnownHosts returns the known_hosts line that pins the guest's host key at 127.0.0.1:port. host is
// the path of the private key.
func KnownHosts(host string, port int) ([]byte, error) {
	public, err := regular.ReadFile(host + publicSuffix)
	if err != nil {
		return nil, fmt.Errorf("reading the guest's host key: %w", err)
	}
	return fmt.Appendf(nil, "[127.0.0.1]:%d %s", port, public), nil
}
