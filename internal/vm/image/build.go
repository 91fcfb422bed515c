// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
)

// aptSources is where a Debian or Ubuntu host says which mirror it uses.
const aptSources = "/etc/apt"

// BuildOptions change how an image is built, not what is in it.
type BuildOptions struct {
	// Mirror is the URL of a Debian archive; empty: the host's own, or Debian's.
	Mirror string
}

// builder builds one recipe in a directory of its own.
type builder struct {
	recipe  Recipe
	mirror  mirror
	dir     string
	sandbox sandbox
	report  *reporter
	// log gets all output of the programs that are run.
	log io.Writer
}

// Below a builder's directory: out holds what will be the image.
func (b *builder) path(elem ...string) string {
	return filepath.Join(append([]string{b.dir}, elem...)...)
}

func (b *builder) out(name string) string { return b.path("out", name) }

// build makes the image in dir/out. dir must be empty.
func build(ctx context.Context, recipe Recipe, options BuildOptions, dir string, log io.Writer, report *reporter) error {
	b := &builder{recipe: recipe, dir: dir, log: log, report: report}
	var err error
	if b.mirror, err = chooseMirror(options.Mirror); err != nil {
		return err
	}
	if err := thisHost().checkTools(); err != nil {
		return err
	}
	if err := thisHost().checkSpace(dir); err != nil {
		return err
	}
	if b.sandbox, err = newSandbox(); err != nil {
		return fmt.Errorf("preparing the build: %w", err)
	}
	if err := checkSandbox(ctx, b.sandbox, dir); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.prepare, b.makeTree, b.makeFileSystem, b.convert, b.makeBootFiles, b.writeManifest} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return b.sync()
}

func chooseMirror(explicit string) (mirror, error) {
	if explicit != "" {
		return explicitMirror(explicit)
	}
	return hostMirror(aptSources)
}

func (b *builder) prepare(context.Context) error {
	for _, name := range []string{"out", "kit", "tmp"} {
		if err := os.Mkdir(b.path(name), 0o755); err != nil {
			return fmt.Errorf("preparing the build: %w", err)
		}
	}
	return writeKit(b.path("kit"))
}

// makeTree installs the packages and the guest's own files into dir/tree.
func (b *builder) makeTree(ctx context.Context) error {
	b.report.at(stepDownload, 0, 0)
	args := append([]string{"RDD_KIT=" + b.path("kit"), "RDD_KERNEL=" + b.recipe.Kernel, "mmdebstrap"}, b.recipe.treeOptions()...)
	args = append(append(args, b.recipe.Suite, b.path("tree")), b.mirror.sources(b.recipe.Suite)...)
	output := io.MultiWriter(b.log, &packageMeter{report: b.report})
	return b.runSandboxed(ctx, "installing Debian packages", output, "env", args...)
}

// treeOptions are mmdebstrap's options for the recipe's tree; RDD_KIT and RDD_KERNEL are in its environment.
func (r Recipe) treeOptions() []string {
	return []string{
		"--verbose", "--mode=unshare", "--format=directory", "--variant=minbase",
		"--architectures=" + r.Architecture, "--keyring=" + keyring,
		"--include=" + strings.Join(r.Packages, ","),
		`--aptopt=APT::Install-Recommends "false"`,
		`--aptopt=Acquire::Retries "3"`,
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		`--customize-hook=sh "$RDD_KIT/customize.sh" "$1" "$RDD_KIT" "$RDD_KERNEL"`,
	}
}

// fileSystemSlack is the space left free in the image's file system in bytes: enough
// to boot; a machine grows it to the size of its disk.
const fileSystemSlack = 256 << 20

// makeFileSystem writes the tree as an ext4 file system into dir/disk.raw: without mounting
// anything, and the same for the same tree.
func (b *builder) makeFileSystem(ctx context.Context) error {
	b.report.at(stepFileSystem, 0, 0)
	size, err := b.treeSize(ctx)
	if err != nil {
		return err
	}
	return b.runSandboxed(ctx, "writing the file system", b.log, "sh", b.path("kit", "makefs.sh"),
		b.path("tree"), b.path("disk.raw"), b.recipe.fileSystemID(), strconv.FormatInt(size/1024, 10))
}

// treeSize is the size of the file system in bytes: the tree's files, a margin for ext4's own data, and
// the slack. It does not depend on the file system that holds the tree.
func (b *builder) treeSize(ctx context.Context) (int64, error) {
	var output bytes.Buffer
	if err := b.runSandboxed(ctx, "measuring the tree", &output, "find", b.path("tree"), "-type", "f", "-printf", "%s\\n"); err != nil {
		return 0, err
	}
	const block, mebibyte = 4 << 10, 1 << 20
	var used int64
	for _, field := range strings.Fields(output.String()) {
		size, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measuring the tree: %w", err)
		}
		used += (size + block - 1) / block * block
	}
	return (used+used/8+fileSystemSlack)/mebibyte*mebibyte + mebibyte, nil
}

// fileSystemID is a UUID that follows from the recipe, so that builds are equal.
func (r Recipe) fileSystemID() string {
	sum := sha256.Sum256([]byte("rdd " + r.Name + " " + r.Suite))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, the custom one (RFC 9562)
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// convert turns the raw disk into qcow2.
func (b *builder) convert(ctx context.Context) error {
	b.report.at(stepConvert, 0, 0)
	return b.runSandboxed(ctx, "converting the disk", b.log, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", b.path("disk.raw"), b.out(diskFile))
}

// makeBootFiles puts the kernel and an initrd that finds the root disk into dir/out.
func (b *builder) makeBootFiles(context.Context) error {
	b.report.at(stepKernel, 0, 0)
	version, err := b.kernelVersion()
	if err != nil {
		return err
	}
	if err := copyFile(b.path("kit", "kernel", "boot", "vmlinuz-"+version), b.out(kernelFile)); err != nil {
		return err
	}
	modules, err := readModules(b.path("tree", "usr", "lib", "modules", version), b.recipe.BootModules)
	if err != nil {
		return fmt.Errorf("making the initrd: %w", err)
	}
	init, err := guest.ReadFile("guest/init.sh")
	if err != nil {
		return fmt.Errorf("making the initrd: %w", err)
	}
	f, err := os.OpenFile(b.out(initrdFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("making the initrd: %w", err)
	}
	contents := initrdContents{busybox: b.path("kit", "busybox", "usr", "bin", "busybox"), init: init, modules: modules}
	return errors.Join(contents.write(f), f.Close())
}

func (b *builder) kernelVersion() (string, error) {
	data, err := os.ReadFile(b.path("kit", "kernel", "version"))
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

func (b *builder) writeManifest(context.Context) error {
	revision, err := b.recipe.Revision()
	if err != nil {
		return err
	}
	version, err := b.kernelVersion()
	if err != nil {
		return err
	}
	packages, err := readPackages(b.path("kit", "installed"), b.path("kit", "fetched"))
	if err != nil {
		return err
	}
	disk, err := os.Stat(b.path("disk.raw"))
	if err != nil {
		return fmt.Errorf("measuring the disk: %w", err)
	}
	sum, err := digest(b.path("out"), b.recipe.KernelArgs)
	if err != nil {
		return err
	}
	return writeJSON(b.out(manifestFile), Manifest{
		Name: b.recipe.Name, Digest: sum, Recipe: revision, Suite: b.recipe.Suite, Architecture: b.recipe.Architecture,
		Created: time.Now().UTC().Truncate(time.Second), Mirror: b.mirror.archive, KernelVersion: version,
		KernelArgs: b.recipe.KernelArgs, DiskSize: disk.Size(), Packages: packages,
	})
}

// sync makes the image's files durable; the caller's rename makes them visible.
func (b *builder) sync() error {
	entries, err := os.ReadDir(b.path("out"))
	if err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	for _, entry := range entries {
		if err := atomicfile.Sync(b.out(entry.Name())); err != nil {
			return fmt.Errorf("writing the image: %w", err)
		}
	}
	return atomicfile.SyncDir(b.path("out"))
}

// runSandboxed runs a program of the build; its failure is told with its last lines.
func (b *builder) runSandboxed(ctx context.Context, doing string, output io.Writer, program string, args ...string) error {
	tail := &tailBuffer{limit: 2000}
	err := b.sandbox.run(ctx, b.path("tmp"), io.MultiWriter(output, tail), program, args...)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	if _, ended := process.ExitCode(err); !ended {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &StepError{Doing: doing, Output: tail.String(), Err: err}
}

// StepError says that a program of the build failed.
type StepError struct {
	// Doing is what the program was run for.
	Doing string
	// Output holds its last lines.
	Output string
	// Log is the file with all output of the build.
	Log string
	Err error
}

func (e *StepError) Error() string {
	return fmt.Sprintf("%s failed (%v); the whole log is %s, its last lines are:\n%s", e.Doing, e.Err, e.Log, e.Output)
}

func (e *StepError) Unwrap() error { return e.Err }

// Fault returns the error as a value: see vm.FaultOf.
func (e *StepError) Fault() *vm.Fault {
	code, _ := process.ExitCode(e.Err)
	return &vm.Fault{Kind: vm.FaultImage, ExitCode: code, Output: e.Output}
}

// tailBuffer keeps the last whole lines of what is written to it, up to about limit bytes.
type tailBuffer struct {
	limit int
	data  []byte
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - t.limit; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
		if end := bytes.IndexByte(t.data, '\n'); end >= 0 {
			t.data = append(t.data[:0], t.data[end+1:]...)
		}
	}
	return len(p), nil
}

func (t *tailBuffer) String() string { return strings.TrimSpace(string(t.data)) }
