// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cavaliergopher/cpio"
	"github.com/ulikunitz/xz"
)

// applets of busybox that guest/init.sh uses.
var applets = []string{"insmod", "mount", "poweroff", "sh", "sleep", "switch_root"}

// initrdContents is what an initrd is made of.
type initrdContents struct {
	busybox string // path of a static busybox
	init    []byte
	modules []module
}

// module is a kernel module, decompressed.
type module struct {
	name string
	data []byte
}

// write writes the initrd as an uncompressed cpio archive: it is small, and unpacking
// costs the guest more than reading. The same contents give the same bytes.
func (c initrdContents) write(w io.Writer) error {
	busybox, err := os.ReadFile(c.busybox)
	if err != nil {
		return fmt.Errorf("reading busybox: %w", err)
	}
	archive := &archiver{Writer: cpio.NewWriter(w)}
	for _, dir := range []string{"bin", "dev", "modules", "root"} {
		archive.add(dir, cpio.TypeDir|0o755, nil)
	}
	archive.add("bin/busybox", cpio.TypeReg|0o755, busybox)
	for _, applet := range applets {
		archive.add("bin/"+applet, cpio.TypeSymlink|0o777, []byte("busybox"))
	}
	archive.add("init", cpio.TypeReg|0o755, c.init)
	var order strings.Builder
	for _, module := range c.modules {
		fmt.Fprintln(&order, module.name)
		archive.add("modules/"+module.name, cpio.TypeReg|0o644, module.data)
	}
	archive.add("modules/order", cpio.TypeReg|0o644, []byte(order.String()))
	return errors.Join(archive.err, archive.Close())
}

// archiver adds entries until one fails.
type archiver struct {
	*cpio.Writer
	inode int64
	err   error
}

// add adds an entry; its time is that of all files of an image.
func (a *archiver) add(name string, mode cpio.FileMode, data []byte) {
	if a.err != nil {
		return
	}
	a.inode++
	// A symbolic link's target is its data (cpio(5), "new ASCII format").
	header := &cpio.Header{Name: name, Mode: mode, Inode: a.inode, Links: 1, ModTime: time.Unix(sourceDateEpoch, 0), Size: int64(len(data))}
	if a.err = a.WriteHeader(header); a.err == nil && len(data) > 0 {
		_, a.err = a.Write(data)
	}
	if a.err != nil {
		a.err = fmt.Errorf("writing %s to the initrd: %w", name, a.err)
	}
}

// readModules reads the named modules and what they depend on from a kernel's module
// directory, in the order in which they must be loaded. Modules built into the kernel are left out.
func readModules(dir string, names []string) ([]module, error) {
	builtin, err := builtinModules(dir)
	if err != nil {
		return nil, err
	}
	dependencies, err := moduleDependencies(dir)
	if err != nil {
		return nil, err
	}
	var modules []module
	seen := map[string]bool{}
	for _, name := range names {
		if builtin[moduleName(name)] {
			continue
		}
		files, ok := dependencies[moduleName(name)]
		if !ok {
			return nil, fmt.Errorf("the kernel in %s has no module %s", dir, name)
		}
		for _, file := range files {
			if seen[file] {
				continue
			}
			seen[file] = true
			data, err := readModule(filepath.Join(dir, file))
			if err != nil {
				return nil, err
			}
			modules = append(modules, module{name: moduleName(file) + ".ko", data: data})
		}
	}
	return modules, nil
}

// moduleName is the kernel's name of a module file: kernel/a/virtio-rng.ko.xz is virtio_rng.
func moduleName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// builtinModules reads the names of the modules that are built into the kernel.
func builtinModules(dir string) (map[string]bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, fmt.Errorf("reading the kernel's built-in modules: %w", err)
	}
	builtin := map[string]bool{}
	for _, file := range strings.Fields(string(data)) {
		builtin[moduleName(file)] = true
	}
	return builtin, nil
}

// moduleDependencies reads modules.dep (depmod(8)): for each module the files to load, dependencies
// first.
func moduleDependencies(dir string) (map[string][]string, error) {
	name := filepath.Join(dir, "modules.dep")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the kernel's module dependencies: %w", err)
	}
	dependencies := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		file, rest, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("reading %s: unexpected line %q", name, line)
		}
		// The file lists first what has to be loaded last.
		files := append([]string{file}, strings.Fields(rest)...)
		slices.Reverse(files)
		dependencies[moduleName(file)] = files
	}
	return dependencies, nil
}

// readModule reads a module file and decompresses it: busybox's insmod takes plain ones only.
func readModule(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a kernel module: %w", err)
	}
	switch ext := path.Ext(file); ext {
	case ".ko":
		return data, nil
	case ".xz":
		r, err := xz.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("decompressing %s: %w", file, err)
		}
		if data, err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("decompressing %s: %w", file, err)
		}
		return data, nil
	default:
		return nil, fmt.Errorf("decompressing %s: compression %s is not supported", file, ext)
	}
}
