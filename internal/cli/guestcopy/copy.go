// SPDX-License-Identifier: Apache-2.0

package guestcopy

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"rancherdesktop.io/rdd/internal/vm"
)

// Run runs a command in the guest of a LimaVM and returns its exit code.
type Run func(ctx context.Context, name string, command vm.Command) (int, error)

// Copier copies files.
type Copier struct {
	Run Run
	// Err gets what the guests' tar complains about, and a line about each file that is left out.
	Err io.Writer
	// Recursive copies directories with what is in them. Without it a directory is an error.
	Recursive bool
}

// Copy copies sources to a target; each is an argument VM:PATH or a path of the host. The target of
// several is a directory. What a symbolic link leads to is copied in its place.
func (c *Copier) Copy(ctx context.Context, sources []string, target string) error {
	to := parsePlace(target)
	into, err := c.isDirectory(ctx, to)
	if err != nil {
		return err
	}
	switch {
	case !into && len(sources) > 1:
		return fmt.Errorf("%s is no directory, which several sources need", to)
	case !into && strings.HasSuffix(to.path, "/"):
		return fmt.Errorf("%s is no directory", to)
	}
	for _, source := range sources {
		from := parsePlace(source)
		if from.vm == "" && to.vm == "" {
			return fmt.Errorf("neither %s nor %s is in a virtual machine, whose paths are written VM:PATH", from, to)
		}
		if err := c.copyOne(ctx, from, to, into); err != nil {
			return fmt.Errorf("copying %s: %w", from, err)
		}
	}
	return nil
}

// errReceiver ends the sending when the receiving has ended.
var errReceiver = errors.New("the target ended")

// copyOne copies one source: into the target, a directory, or as the target.
func (c *Copier) copyOne(ctx context.Context, from, to place, into bool) error {
	dir, name := to, from.base()
	if !into {
		dir.path, name = splitTarget(to)
	}
	stream, sink := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		archive := tar.NewWriter(sink)
		err := c.send(ctx, from, name, archive)
		if err == nil {
			err = archive.Close()
		}
		_ = sink.CloseWithError(err) // never fails
		if errors.Is(err, errReceiver) {
			return nil // its own error says more
		}
		return err
	})
	group.Go(func() error {
		err := c.receive(ctx, dir, stream)
		_ = stream.CloseWithError(errors.Join(errReceiver, err)) // never fails
		return err
	})
	return group.Wait()
}

func (c *Copier) send(ctx context.Context, from place, name string, to *tar.Writer) error {
	if from.vm == "" {
		return c.sendHost(from.path, name, to)
	}
	return c.sendGuest(ctx, from, name, to)
}

func (c *Copier) receive(ctx context.Context, dir place, from io.Reader) error {
	if dir.vm == "" {
		return receiveHost(dir.path, from)
	}
	return c.receiveGuest(ctx, dir, from)
}

// entryName is the name in the stream of a path below the source, of which name is the name at the
// target; empty when the source's content goes into the target directory itself.
func entryName(name, below string) string { return path.Join("./", name, below) }
