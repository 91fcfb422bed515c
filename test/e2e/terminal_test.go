// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: user is the side of the program, program the side of the one who
// types.
type terminal struct {
	program, user *os.File
	out           *watched
}

func openTerminal(t *testing.T, rows, columns uint16) *terminal {
	t.Helper()
	program, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(program.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(program.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	user, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &terminal{program: program, user: user, out: newWatched()}
	p.resize(t, rows, columns)
	t.Cleanup(func() { _, _ = user.Close(), program.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := program.Read(buffer)
			_, _ = p.out.Write(buffer[:n])
			if err != nil {
				return // closed
			}
		}
	}()
	return p
}

func (p *terminal) resize(t *testing.T, rows, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(p.program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

func (p *terminal) typeIn(t *testing.T, text string) {
	t.Helper()
	if _, err := p.program.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func (p *terminal) mode(t *testing.T) *unix.Termios {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(p.user.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return mode
}
