// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// makeBootFiles puts the kernel and an initrd that finds the root disk into dir/out.
func (j *job) makeBootFiles(context.Context) error {
	j.report.at(stepKernel, 0, 0)
	version, err := j.kernelVersion()
	if err != nil {
		return err
	}
	if err := copyFile(j.path("kit", "kernel", "boot", "vmlinuz-"+version), j.out(image.KernelFile)); err != nil {
		return err
	}
	modules, err := readModules(j.path("tree", "usr", "lib", "modules", version), j.recipe.BootModules)
	if err != nil {
		return fmt.Errorf("making the initrd: %w", err)
	}
	init, err := guest.ReadFile("guest/init.sh")
	if err != nil {
		return fmt.Errorf("making the initrd: %w", err)
	}
	f, err := os.OpenFile(j.out(image.InitrdFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("making the initrd: %w", err)
	}
	contents := initrdContents{busybox: j.path("kit", "busybox", "usr", "bin", "busybox"), init: init, modules: modules}
	return errors.Join(contents.write(f), f.Close())
}

// kernelVersion is the release of the kernel that guest/customize.sh has fetched.
func (j *job) kernelVersion() (string, error) {
	data, err := os.ReadFile(j.path("kit", "kernel", "version"))
	if err != nil {
		return "", fmt.Errorf("finding the kernel's version: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copying a file of the image: %w", err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		return fmt.Errorf("copying a file of the image: %w", err)
	}
	return nil
}
