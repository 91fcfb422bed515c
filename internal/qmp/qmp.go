// SPDX-License-Identifier: Apache-2.0

// Package qmp is a small client of the QEMU Machine Protocol: greeting, capabilities, commands with
// ids, events. Every call has a deadline, because QEMU serves one client of a QMP socket at a time,
// and a stopped one would make others wait for ever.
//
// Tests have a server of their own. A real QEMU is used by internal/vm/qemu with RDD_TEST_GUEST=1
// and by test/e2e.
package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	// defaultTimeout bounds calls whose context has no deadline.
	defaultTimeout = 10 * time.Second
	// maxMessage is the longest line accepted, in bytes.
	maxMessage = 4 << 20
)

// ErrClosed is returned by calls after Close.
var ErrClosed = errors.New("QMP connection is closed")

// Event is an asynchronous message of QEMU, such as SHUTDOWN.
type Event struct {
	Name string
	// Data is a JSON object, whose members depend on Name; nil when there are none.
	Data json.RawMessage
	// At is the host's time at which QEMU sent it.
	At time.Time
}

// CommandError is QEMU's refusal of a command. Class is one of QEMU's error classes, nearly always
// GenericError: Description says what is wrong.
type CommandError struct {
	Command     string
	Class       string `json:"class"`
	Description string `json:"desc"`
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("QMP command %s failed: %s (%s)", e.Command, e.Description, e.Class)
}

// Client is a QMP connection ready for commands. It is safe for concurrent use. It does not
// reconnect: when Done is closed, its owner dials again.
type Client struct {
	conn    net.Conn
	onEvent func(Event)
	done    chan struct{}

	mu      sync.Mutex
	next    int                      // number of the last command's id
	pending map[string]chan response // by the id of the command
	err     error                    // why the connection ended
}

// Dial connects to QEMU's socket, reads the greeting and ends the negotiation of capabilities, of
// which it wants none. onEvent, which may be nil, is called for each event, one at a time; it must
// not block or use the client. ctx bounds the call, not the connection it returns.
func Dial(ctx context.Context, socket string, onEvent func(Event)) (*Client, error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connecting to QMP: %w", err)
	}
	client, err := New(ctx, conn, onEvent)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening QMP at %s: %w", socket, err), conn.Close())
	}
	return client, nil
}

// New does what Dial does on a connection that exists. The client owns conn when err is nil.
func New(ctx context.Context, conn net.Conn, onEvent func(Event)) (*Client, error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	if onEvent == nil {
		onEvent = func(Event) {}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	lines := newScanner(conn)
	if err := readGreeting(lines); err != nil {
		stop()
		if ctx.Err() != nil {
			err = fmt.Errorf("no greeting: is another client connected? %w", ctx.Err())
		}
		return nil, err
	}
	if !stop() {
		return nil, ctx.Err()
	}
	c := &Client{conn: conn, onEvent: onEvent, done: make(chan struct{}), pending: map[string]chan response{}}
	go c.read(lines)
	if err := c.Execute(ctx, "qmp_capabilities", nil, nil); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// withDeadline gives a context that has no deadline the default one.
func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, defaultTimeout)
}

func newScanner(conn net.Conn) *bufio.Scanner {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4096), maxMessage)
	return lines
}

// Execute runs a command and waits for its response. arguments (may be nil) is encoded as its
// arguments; what it returns is decoded into result (may be nil). A refusal is a *CommandError.
// After ctx's end or the end of the connection it is not known whether QEMU has run the command.
func (c *Client) Execute(ctx context.Context, command string, arguments, result any) error {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	id, answer, err := c.register()
	if err != nil {
		return fmt.Errorf("QMP command %s: %w", command, err)
	}
	defer c.forget(id)
	if err := c.send(ctx, request{Execute: command, Arguments: arguments, ID: id}); err != nil {
		return fmt.Errorf("QMP command %s: %w", command, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("QMP command %s: no answer: %w", command, ctx.Err())
	case <-c.done:
		return fmt.Errorf("QMP command %s: %w", command, c.Err())
	case r := <-answer:
		return r.decode(command, result)
	}
}

// register returns a new id and the channel for the response to it.
func (c *Client) register() (string, chan response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return "", nil, c.err
	}
	c.next++
	id := "rdd-" + strconv.Itoa(c.next)
	answer := make(chan response, 1)
	c.pending[id] = answer
	return id, answer, nil
}

// forget drops the id of a command that nobody waits for any more: a late response is ignored.
func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// send writes a command before ctx's deadline. The lock keeps the lines of several commands apart.
func (c *Client) send(ctx context.Context, r request) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	deadline, _ := ctx.Deadline()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err = c.conn.Write(append(data, '\n'))
	return err
}

// Done is closed when the connection has ended: QEMU ended, or Close was called.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the connection ended, ErrClosed after Close; nil while it lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and waits until no event is delivered any more. QEMU goes on.
func (c *Client) Close() error {
	c.fail(ErrClosed)
	err := c.conn.Close()
	<-c.done
	return err
}

// fail keeps the first reason for the end of the connection.
func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}
