// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"fmt"
	"io"
	"strings"

	"rancherdesktop.io/rdd/internal/vm"
)

// Progress of a build or a transfer; see vm.Progress.
type Progress = vm.Progress

// Builder makes images from recipes. Package build has the one that rdd uses.
type Builder interface {
	// Names returns the names of the recipes for this host, sorted.
	Names() []string
	// Revision identifies what the recipe called name makes now. *UnknownNameError.
	Revision(name string) (string, error)
	// KernelArgs returns the arguments of the kernel of the recipe called name. *UnknownNameError.
	KernelArgs(name string) (string, error)
	// Build builds an image in the empty directory dir and leaves its files, durable, in OutDir
	// below it. The output of the programs it runs goes to log. progress may be nil.
	// *UnknownNameError, *vm.HostError, *StepError.
	Build(ctx context.Context, name string, options BuildOptions, dir string, log io.Writer, progress func(Progress)) error
	// RemoveAll removes the directory of a build, be it one that failed or was killed. Its files
	// may belong to other users than this one.
	RemoveAll(ctx context.Context, dir string) error
}

// BuildOptions change how an image is built, not what is in it.
type BuildOptions struct {
	// Mirror is the URL of a Debian archive; empty: the host's own, or Debian's.
	Mirror string
}

// UnknownNameError says that there is no recipe and no image of a name.
type UnknownNameError struct {
	Name  string
	Known []string
}

func (e *UnknownNameError) Error() string {
	return fmt.Sprintf("there is no image called %q; rdd can build: %s", e.Name, strings.Join(e.Known, ", "))
}

// StepError says that a program of the build failed.
type StepError struct {
	// Doing says what the program was run for: "writing the file system".
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

// Unwrap returns the error of the program.
func (e *StepError) Unwrap() error { return e.Err }

// Fault returns the error as a value: see vm.FaultOf.
func (e *StepError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultImage, Output: e.Output} }
