// SPDX-License-Identifier: Apache-2.0

package guestcopy

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
)

// splitTarget returns the directory and the name of a target that is no directory.
func splitTarget(to place) (dir, name string) {
	if to.vm == "" {
		clean := filepath.Clean(to.path)
		return filepath.Dir(clean), filepath.Base(clean)
	}
	clean := path.Clean(to.path)
	return path.Dir(clean), path.Base(clean)
}

// sendHost writes a file or directory of the host.
func (c *Copier) sendHost(source, name string, to *tar.Writer) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() && !c.Recursive {
		return errNotRecursive
	}
	return c.sendTree(source, entryName(name, ""), nil, to)
}

var errNotRecursive = errors.New("it is a directory; to copy it with what is in it: -r")

// sendTree writes a path and what is below it. above are the directories that it is in, to find
// symbolic links that lead back.
func (c *Copier) sendTree(source, entry string, above []string, to *tar.Writer) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	switch {
	case info.Mode().IsRegular():
		return sendFile(source, entry, to)
	case !info.IsDir():
		fmt.Fprintf(c.Err, "%s is left out: it is neither a file nor a directory\n", source)
		return nil
	}
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return err
	}
	if slices.Contains(above, real) {
		fmt.Fprintf(c.Err, "%s is left out: it leads back to a directory that it is in\n", source)
		return nil
	}
	header := &tar.Header{Typeflag: tar.TypeDir, Name: entry + "/", Mode: int64(info.Mode().Perm()), ModTime: info.ModTime()}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, each := range entries {
		child := filepath.Join(source, each.Name())
		err := c.sendTree(child, path.Join(entry, each.Name()), append(slices.Clone(above), real), to)
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(c.Err, "%s is left out: it leads nowhere\n", child)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func sendFile(source, entry string, to *tar.Writer) error {
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: entry, Size: info.Size(), Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(),
	}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.CopyN(to, f, info.Size()); err != nil {
		return fmt.Errorf("reading %s: %w", source, err)
	}
	return nil
}

// receiveHost makes the entries of a stream below a directory of the host. Links and special files
// are refused: the stream may be a guest's.
func receiveHost(dir string, from io.Reader) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	archive := tar.NewReader(from)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, from) // the sender pads its stream
			return err
		}
		if err != nil {
			return err
		}
		if err := receiveEntry(root, header, archive); err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(dir, header.Name), err)
		}
	}
}

func receiveEntry(root *os.Root, header *tar.Header, content io.Reader) (err error) {
	name := filepath.FromSlash(path.Clean(header.Name))
	switch header.Typeflag {
	case tar.TypeDir:
		err := root.Mkdir(name, fs.FileMode(header.Mode).Perm()|0o700)
		if info, statErr := root.Stat(name); statErr == nil && info.IsDir() {
			return nil
		}
		return err
	case tar.TypeReg:
	default:
		return errors.New("the stream has a link or a special file")
	}
	there, err := root.Stat(name)
	if err == nil && !there.Mode().IsRegular() {
		return errors.New("what is there is no file")
	}
	return receiveFile(root, name, fs.FileMode(header.Mode).Perm(), there, content)
}

// partSuffix ends the name of a file that is not complete yet.
const partSuffix = ".rdd-copy"

// receiveFile writes a file beside the one of that name and then puts it in its place, so that a
// copy that fails leaves what was there. That may be the source itself, seen through a mount. there
// is what is there, whose mode stays; nil: nothing.
func receiveFile(root *os.Root, name string, mode fs.FileMode, there fs.FileInfo, content io.Reader) (err error) {
	if info, err := root.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if name, err = linkTarget(root, name); err != nil {
			return err
		}
	}
	part := name + partSuffix
	f, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if there != nil {
		err = errors.Join(err, f.Chmod(there.Mode().Perm()))
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(part))
	}
	return nil
}

// maxLinks is how many symbolic links are followed, as by Linux (path_resolution(7)).
const maxLinks = 40

// linkTarget follows a symbolic link within root.
func linkTarget(root *os.Root, name string) (string, error) {
	for range maxLinks {
		target, err := root.Readlink(name)
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, fs.ErrNotExist) {
			return name, nil // no link, or a name to be made
		}
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			return "", errors.New("what is there is a symbolic link to an absolute path")
		}
		name = filepath.Join(filepath.Dir(name), target)
	}
	return "", syscall.ELOOP
}
