// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"rancherdesktop.io/rdd/internal/sshx"
)

func runOnTerminal(ctx context.Context, connection *ssh.Client, command sshx.Command, in, out *os.File) (int, error) {
	restore, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return 0, fmt.Errorf("preparing the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), restore) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command.TTY = &sshx.TTY{Term: os.Getenv("TERM"), Size: terminalSize(out), Resized: resizes(ctx, out)}
	return sshx.Run(ctx, connection, command)
}

func terminalSize(f *os.File) sshx.Size {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return sshx.Size{Columns: 80, Rows: 24}
	}
	return sshx.Size{Columns: columns, Rows: rows}
}
