// SPDX-License-Identifier: Apache-2.0

package guestcopy

import (
	"archive/tar"
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"rancherdesktop.io/rdd/internal/vm"
)

// Exit codes of the scripts below.
const (
	exitNotThere    = 41
	exitIsDirectory = 42
	exitNoDirectory = 43
	exitNotPlaced   = 44
	exitNotWritable = 45
)

// sendScript writes $1 as a tar stream, in which it is called "./". $2 is "r" to allow a directory.
// Hard links are sent as files, where tar has hard links to say so.
const sendScript = `[ -e "$1" ] || exit 41
hard=; tar --hard-dereference --version >/dev/null 2>&1 && hard=--hard-dereference
if [ -d "$1" ]; then
  [ "$2" = r ] || exit 42
  cd -- "$1" && exec tar -ch $hard -f - .
fi
cd -- "$(dirname -- "$1")" && exec tar -ch $hard -f - -- "./$(basename -- "$1")"`

//go:embed receive.sh
var receiveScript string

func script(text string, args ...string) vm.Command {
	return vm.Command{Args: append([]string{"sh", "-c", text, "sh"}, args...), CleanEnv: true}
}

// guestPath is a path as the scripts take it: one that begins with a dash is no option.
func guestPath(p string) string {
	if strings.HasPrefix(p, "/") {
		return p
	}
	return "./" + p
}

// isDirectory reports whether a place is a directory.
func (c *Copier) isDirectory(ctx context.Context, at place) (bool, error) {
	if at.vm == "" {
		info, err := os.Stat(at.path)
		return err == nil && info.IsDir(), nil
	}
	code, err := c.Run(ctx, at.vm, script(`[ -d "$1" ]`, guestPath(at.path)))
	return code == 0, err
}

// sendGuest writes a file or directory of a guest under the name that it has at the target.
func (c *Copier) sendGuest(ctx context.Context, from place, name string, to *tar.Writer) error {
	recursive := ""
	if c.Recursive {
		recursive = "r"
	}
	stream, sink := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		command := script(sendScript, guestPath(from.path), recursive)
		command.Stdout, command.Stderr = sink, c.Err
		code, err := c.Run(ctx, from.vm, command)
		err = errors.Join(err, scriptError(code))
		_ = sink.CloseWithError(err) // never fails
		return err
	})
	group.Go(func() error {
		err := renamed(tar.NewReader(stream), name, to)
		if err == nil {
			_, err = io.Copy(io.Discard, stream) // tar pads its stream
		}
		_ = stream.CloseWithError(err) // never fails
		return err
	})
	return group.Wait()
}

// renamed hands the entries of a guest's stream on under the name at the target. The first one of a
// directory is the directory itself; that of a file is the only one.
func renamed(from *tar.Reader, name string, to *tar.Writer) error {
	for first, single := true, false; ; first = false {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading what the guest sends: %w", err)
		}
		if first {
			single = header.Typeflag != tar.TypeDir
		}
		below := path.Clean("/" + header.Name)
		if single {
			below = ""
		}
		header.Name, header.Format = entryName(name, below), tar.FormatUnknown
		if err := to.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(to, from); err != nil {
			return err
		}
	}
}

// receiveGuest makes the entries of a stream below a directory of a guest.
func (c *Copier) receiveGuest(ctx context.Context, dir place, from io.Reader) error {
	command := script(receiveScript, guestPath(dir.path))
	command.Stdin, command.Stderr = from, c.Err
	code, err := c.Run(ctx, dir.vm, command)
	return errors.Join(err, scriptError(code))
}

// scriptError is what an exit code of a script means; nil for 0.
func scriptError(code int) error {
	switch code {
	case 0:
		return nil
	case exitNotThere:
		return errors.New("it does not exist in the guest")
	case exitIsDirectory:
		return errNotRecursive
	case exitNoDirectory:
		return errors.New("the target's directory does not exist in the guest, or must not be entered")
	case exitNotWritable:
		return errors.New("the target's directory cannot be written to in the guest")
	case exitNotPlaced:
		return errors.New("not all of it could be put in its place in the guest")
	default:
		return fmt.Errorf("tar in the guest ended with exit code %d", code)
	}
}
