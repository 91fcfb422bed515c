// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/shellquote"
)

// Command is what to run in the guest.
type Command struct {
	// Args is run without any interpretation by the guest's shell. When it and Line are empty, a login
	// shell is run.
	Args []string
	// Line is given to the user's shell as it is. Args and Line exclude each other.
	Line string
	// Stdin, Stdout, Stderr; nil is empty input or discarded output. With a TTY, Stderr stays empty.
	// Stdout and Stderr may be the same.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Env are variables for the command. The guest's sshd drops those that its AcceptEnv does not
	// name, without an error.
	Env map[string]string
	// TTY asks for a terminal in the guest; the caller puts its own into raw mode.
	TTY *TTY
	// AgentSocket is that of an ssh agent which the command may use; empty: none. One that does not
	// answer is left out, as by OpenSSH. A connection forwards the agent of one command only.
	AgentSocket string
}

// Size of a terminal in characters.
type Size struct{ Columns, Rows int }

// TTY describes the terminal that the guest's side is given.
type TTY struct {
	// Term is the value of TERM; empty means xterm-256color.
	Term string
	Size Size
	// Resized, when not nil, delivers new sizes.
	Resized <-chan Size
}

// Run runs a command in the guest and returns its exit code; 128 + the signal's number when a
// signal ended it. With a TTY it returns even when processes that the command left behind keep the
// terminal.
//
// err is not nil only when the command could not be run to its end. When ctx ends, the command is
// sent SIGTERM, its channel is closed, and context.Cause(ctx) returned. A guest that does not
// answer to that is not waited for: nothing is written to Stdout and Stderr any more, and client is
// closed if it goes on like that. A Read of Stdin that is blocked when the command ends stays
// behind, as there is no way to interrupt it.
func Run(ctx context.Context, client *ssh.Client, c Command) (int, error) {
	gate := &gate{}
	c.Stdout, c.Stderr = share(c.Stdout, c.Stderr)
	c.Stdout, c.Stderr = gate.writer(c.Stdout), gate.writer(c.Stderr)
	type result struct {
		code int
		err  error
	}
	ended := make(chan result, 1)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		code, err := run(ctx, client, c)
		ended <- result{code, err}
	}()
	select {
	case r := <-ended:
		return r.code, r.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(letGoTimeout)
	defer timer.Stop()
	select {
	case r := <-ended:
		return r.code, r.err
	case <-timer.C:
		gate.close()
		go closeUnless(finished, client)
		return 0, context.Cause(ctx)
	}
}

const (
	// letGoTimeout is how long a guest may take to end a command when it is told to.
	letGoTimeout = 2 * time.Second
	// hangTimeout is how long after that the connection is given up.
	hangTimeout = 30 * time.Second
)

// closeUnless closes a connection unless what uses it finishes in time.
func closeUnless(finished <-chan struct{}, client *ssh.Client) {
	timer := time.NewTimer(hangTimeout)
	defer timer.Stop()
	select {
	case <-finished:
	case <-timer.C:
		_ = client.Close()
	}
}

// run does what Run does, as long as the guest answers.
func run(ctx context.Context, client *ssh.Client, c Command) (int, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	session, stopWatch, err := c.open(client)
	if err != nil {
		return 0, fmt.Errorf("opening an ssh session: %w", err)
	}
	defer func() { _ = session.Close() }()
	defer stopWatch()
	stop := context.AfterFunc(ctx, func() {
		_ = session.Signal(ssh.SIGTERM)
		_ = session.Close()
	})
	defer stop()
	if c.AgentSocket != "" {
		forwardAgent(client, session, c.AgentSocket)
	}
	if err := c.attach(ctx, session); err != nil {
		return 0, contextCause(ctx, err)
	}
	if err := begin(session, line); err != nil {
		return 0, fmt.Errorf("starting the command over ssh: %w", contextCause(ctx, err))
	}
	return exitCode(ctx, session.Wait())
}

// line is the command as a line for the user's shell; empty for a login shell.
func (c Command) line() (string, error) {
	switch {
	case c.Line != "" && len(c.Args) > 0:
		return "", errors.New("a command has either Args or a Line")
	case c.Line != "":
		return c.Line, nil
	default:
		return Quote(c.Args...), nil
	}
}

// open opens the session that attach prepares. A session with a terminal is hung up some time after
// the end of its command: see hangUp. The function it returns is to be called at the end.
func (c *Command) open(client *ssh.Client) (*ssh.Session, func(), error) {
	if c.TTY == nil {
		session, err := client.NewSession()
		return session, func() {}, err
	}
	h := &hangUp{out: cmp.Or[io.Writer](c.Stdout, io.Discard)}
	session, err := openSession(client, h.ended)
	if err != nil {
		return nil, nil, err
	}
	h.close, c.Stdout = session.Close, h
	return session, h.stop, nil
}

// attach connects the streams, the environment and the terminal with a session.
func (c Command) attach(ctx context.Context, session *ssh.Session) error {
	session.Stdout, session.Stderr = c.Stdout, c.Stderr
	if c.TTY != nil {
		if err := requestTTY(ctx, session, *c.TTY); err != nil {
			return err
		}
	}
	for name, value := range c.Env {
		_ = session.Setenv(name, value) // not accepted is no error
	}
	if c.Stdin == nil {
		return nil
	}
	// Not session.Stdin: Wait would wait for the end of the input too, and a terminal's has none.
	in, err := session.StdinPipe()
	if err != nil {
		return fmt.Errorf("attaching standard input: %w", err)
	}
	go func() {
		_, _ = io.Copy(in, c.Stdin) // it fails when the command ends first, which is no error
		_ = in.Close()
	}()
	return nil
}

// requestTTY asks for a terminal and passes new sizes on until ctx ends.
func requestTTY(ctx context.Context, session *ssh.Session, tty TTY) error {
	term := tty.Term
	if term == "" {
		term = "xterm-256color"
	}
	if err := session.RequestPty(term, tty.Size.Rows, tty.Size.Columns, ssh.TerminalModes{}); err != nil {
		return fmt.Errorf("asking for a terminal: %w", err)
	}
	if tty.Resized == nil {
		return nil
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case size, open := <-tty.Resized:
				if !open || session.WindowChange(size.Rows, size.Columns) != nil {
					return
				}
			}
		}
	}()
	return nil
}

// begin starts a line, or a login shell where it is empty.
func begin(session *ssh.Session, line string) error {
	if line == "" {
		return session.Shell()
	}
	return session.Start(line)
}

// signalNumbers of the signals that RFC 4254 (6.10) names.
var signalNumbers = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12,
	"PIPE": 13, "ALRM": 14, "TERM": 15,
}

// exitCode reads the result of a session as Run documents it.
func exitCode(ctx context.Context, err error) (int, error) {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case !errors.As(err, &exit):
		return 0, fmt.Errorf("the ssh connection ended before the command did: %w", err)
	case exit.Signal() != "":
		return 128 + signalNumbers[exit.Signal()], nil
	default:
		return exit.ExitStatus(), nil
	}
}

// Quote is shellquote.Line, for command lines in guests.
func Quote(args ...string) string { return shellquote.Line(args...) }
