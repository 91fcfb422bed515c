// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"fmt"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
)

// TPMProgram emulates a TPM for QEMU.
const TPMProgram = "swtpm"

// FindTPM finds swtpm. *vm.HostError when it is not installed.
func FindTPM() (string, error) {
	path, err := process.LookPath(TPMProgram)
	if err != nil {
		return "", &vm.HostError{
			Missing: TPMProgram + ", for `tpm: true`",
			Hint:    install(packages{apt: "swtpm", dnf: "swtpm", pacman: "swtpm", zypper: "swtpm", brew: "swtpm"}),
		}
	}
	return path, nil
}

// TPMArgs are swtpm's arguments for a TPM 2.0 that keeps its state in a directory. A QEMU is
// connected to its descriptor: swtpm ends when that connection does, however QEMU has ended.
func TPMArgs(state string, descriptor int) []string {
	return []string{
		"socket", "--tpm2", "--terminate", "--tpmstate", "dir=" + state + ",mode=0600",
		"--ctrl", fmt.Sprintf("type=unixio,clientfd=%d", descriptor),
	}
}

// tpm connects QEMU to the swtpm at the other end of a descriptor.
func (c Config) tpm() []string {
	if c.TPM == 0 {
		return nil
	}
	return []string{
		"-chardev", fmt.Sprintf("socket,id=tpm0,fd=%d", c.TPM), "-tpmdev", "emulator,id=tpm0,chardev=tpm0",
		"-device", c.arch().tpm + ",tpmdev=tpm0",
	}
}
