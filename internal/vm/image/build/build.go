// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// aptSources is where Debian and Ubuntu configure the mirror that a host uses.
const aptSources = "/etc/apt"

// Builder builds the images that it has recipes for. It implements image.Builder.
type Builder struct{ arch string }

var _ image.Builder = Builder{}

// New returns the Builder of images for this host's architecture.
func New() Builder { return Builder{arch: runtime.GOARCH} }

// Names implements image.Builder.
func (b Builder) Names() []string { return recipeNames(recipes(b.arch)) }

// Revision implements image.Builder.
func (b Builder) Revision(name string) (string, error) {
	recipe, err := findRecipe(name, b.arch)
	if err != nil {
		return "", err
	}
	return recipe.Revision()
}

// KernelArgs implements image.Builder.
func (b Builder) KernelArgs(name string) (string, error) {
	recipe, err := findRecipe(name, b.arch)
	return recipe.KernelArgs, err
}

// Build implements image.Builder. It returns *image.UnknownNameError, *vm.HostError for what the
// host lacks, and *image.StepError.
func (b Builder) Build(ctx context.Context, name string, options image.BuildOptions, dir string, log io.Writer,
	progress func(image.Progress),
) error {
	recipe, err := findRecipe(name, b.arch)
	if err != nil {
		return err
	}
	return build(ctx, recipe, options, dir, log, newReporter(name, progress))
}

// RemoveAll implements image.Builder. The files of a tree that an ordinary user has built belong to
// the user's subordinate ids: only a sandbox can remove them.
func (Builder) RemoveAll(ctx context.Context, dir string) error {
	err := atomicfile.RemoveAll(dir)
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	box, boxErr := newSandbox()
	if boxErr != nil {
		return errors.Join(err, boxErr)
	}
	var output strings.Builder
	if err := box.run(ctx, filepath.Dir(dir), &output, "rm", "-rf", "--one-file-system", dir); err != nil {
		return fmt.Errorf("removing an unfinished build: %w: %s", err, strings.TrimSpace(output.String()))
	}
	return nil
}

// job builds one recipe in a directory of its own.
type job struct {
	recipe  Recipe
	mirror  mirror
	dir     string
	sandbox sandbox
	report  *reporter
	// log gets all output of the programs that are run.
	log io.Writer
}

// path returns the path of a file below the job's directory.
func (j *job) path(elem ...string) string {
	return filepath.Join(append([]string{j.dir}, elem...)...)
}

// out returns the path of a file of the image that is being made.
func (j *job) out(name string) string { return j.path(image.OutDir, name) }

// build makes the image in dir/out. dir must be empty.
func build(ctx context.Context, recipe Recipe, options image.BuildOptions, dir string, log io.Writer, report *reporter) error {
	j := &job{recipe: recipe, dir: dir, log: log, report: report}
	var err error
	if j.mirror, err = chooseMirror(options.Mirror); err != nil {
		return err
	}
	if err := thisHost().checkTools(); err != nil {
		return err
	}
	if err := thisHost().checkSpace(dir); err != nil {
		return err
	}
	if j.sandbox, err = newSandbox(); err != nil {
		return fmt.Errorf("preparing the build: %w", err)
	}
	if err := checkSandbox(ctx, j.sandbox, dir); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		j.prepare, j.makeTree, j.makeFileSystem, j.convert, j.makeBootFiles, j.writeManifest,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return j.sync()
}

// chooseMirror takes the user's mirror, else the host's own.
func chooseMirror(explicit string) (mirror, error) {
	if explicit != "" {
		return explicitMirror(explicit)
	}
	return hostMirror(aptSources)
}

// prepare makes the directories of a build: the image's files, the scripts with their results, and
// the programs' temporary files.
func (j *job) prepare(context.Context) error {
	for _, name := range []string{image.OutDir, "kit", "tmp"} {
		if err := os.Mkdir(j.path(name), 0o755); err != nil {
			return fmt.Errorf("preparing the build: %w", err)
		}
	}
	return writeKit(j.path("kit"))
}

// sync makes the image's files durable, before the caller publishes them by a rename.
func (j *job) sync() error {
	entries, err := os.ReadDir(j.path(image.OutDir))
	if err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	for _, entry := range entries {
		if err := atomicfile.Sync(j.out(entry.Name())); err != nil {
			return fmt.Errorf("writing the image: %w", err)
		}
	}
	return atomicfile.SyncDir(j.path(image.OutDir))
}
