// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
)

var errUnsupported = errors.New("not supported on this platform yet")

var extraPath []string

// Programs can be run here, but neither detached from the terminal nor tied to this process yet.
func detach(*exec.Cmd) error { return nil }

func runTied(cmd *exec.Cmd) error { return cmd.Run() }

// Identify is not supported on this platform yet.
func Identify(int) (Identity, error) { return Identity{}, errUnsupported }

// Session is not supported on this platform yet.
func Session(int) (int, error) { return 0, errUnsupported }

// TCPListener is not supported on this platform yet.
func TCPListener(int) (int, error) { return 0, errUnsupported }

// CommandLine is not supported on this platform yet.
func CommandLine(int) ([]string, error) { return nil, errUnsupported }

// Alive is not supported on this platform yet.
func (id Identity) Alive() bool { return false }

// Stopped is not supported on this platform yet.
func (id Identity) Stopped() (bool, error) { return false, errUnsupported }

// Signal is not supported on this platform yet.
func (id Identity) Signal(syscall.Signal) error { return errUnsupported }

// Wait is not supported on this platform yet.
func (id Identity) Wait(context.Context) error { return errUnsupported }

// SocketPair is not supported on this platform yet.
func SocketPair() (a, b *os.File, err error) { return nil, nil, errUnsupported }

// SocketOwner is not supported on this platform yet.
func SocketOwner(string) (int, error) { return 0, errUnsupported }

// OwnSocket is not supported on this platform yet.
func OwnSocket(syscall.Conn) error { return errUnsupported }
