// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// fakeMounts is how a fake guest mounts what it leaves to the host.
type fakeMounts string

const (
	mountsAll    fakeMounts = "all"
	hasNoPackage fakeMounts = "its mirror has no package"
	hasNoFUSE    fakeMounts = "its kernel has no FUSE"
	mountsFail   fakeMounts = "sshfs fails"
	mountsBusy   fakeMounts = "it has more requests than are answered"
)

// fakeMountsFile is where a fake guest notes what it sees in its mounts.
const fakeMountsFile = "fakemounts"

var mountArguments = regexp.MustCompile(`'rdd' '(mount\d+)' '(r[ow])' '([^']*)'`)

// runMounts does what a guest without 9p does for its mounts; false for all other commands.
func (m *fakeMachine) runMounts(channel ssh.Channel, line string) (status uint32, ok bool) {
	switch {
	case m.guest.Mounts == "":
		return 0, false
	case strings.Contains(line, "/run/rdd/sshfs ]"):
		fmt.Fprintln(channel, "yes")
		return 0, true
	case strings.Contains(line, "epel"):
		fmt.Fprintln(channel, m.guest.Mounts)
		return map[fakeMounts]uint32{hasNoPackage: 45, hasNoFUSE: 46}[m.guest.Mounts], true
	case !strings.Contains(line, "rdd: mounted"):
		return 0, false
	case m.guest.Mounts == mountsFail:
		fmt.Fprintln(channel.Stderr(), m.guest.Mounts)
		return 1, true
	case m.guest.Mounts == mountsBusy:
		fmt.Fprintln(channel.Stderr(), "rdd: mounted")
		requestOn(channel)
		return 1, true
	}
	arguments := mountArguments.FindStringSubmatch(strings.ReplaceAll(line, `'\''`, `'`))
	client, err := sftp.NewClientPipe(channel, channel)
	if err != nil {
		fmt.Fprintln(channel.Stderr(), err)
		return 1, true
	}
	if err := m.noteMount(client, arguments[1:]); err != nil {
		fmt.Fprintln(channel.Stderr(), err)
		return 1, true
	}
	fmt.Fprintln(channel.Stderr(), "rdd: mounted")
	_ = client.Wait()
	return 1, true
}

// requestOn sends requests until the mount is lost, however few of them are answered.
func requestOn(channel ssh.Channel) {
	go func() { _, _ = io.Copy(io.Discard, channel) }()
	greetings := bytes.Repeat([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3}, 1000)
	for err := error(nil); err == nil; {
		_, err = channel.Write(greetings)
	}
}

// noteMount notes what is in a mount, with the names of what is in its directories.
func (m *fakeMachine) noteMount(client *sftp.Client, arguments []string) error {
	var names []string
	walker := client.Walk("/")
	for walker.Step() {
		if walker.Err() == nil && walker.Path() != "/" {
			names = append(names, strings.TrimPrefix(walker.Path(), "/"))
		}
	}
	slices.Sort(names)
	made := "writes"
	if err := client.Mkdir("/made by the guest"); err != nil {
		made = "refused"
	}
	f, err := os.OpenFile(filepath.Join(m.dir, fakeMountsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%s %s: %s\n", strings.Join(arguments, " "), made, strings.Join(names, " "))
	return err
}
