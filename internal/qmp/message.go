// SPDX-License-Identifier: Apache-2.0

package qmp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// errEnded says that QEMU closed the connection, as it does when it ends.
var errEnded = errors.New("QEMU closed the QMP connection")

// request is a command as it is sent, on one line.
type request struct {
	Execute   string `json:"execute"`
	Arguments any    `json:"arguments,omitempty"`
	ID        string `json:"id"`
}

// response is any line from QEMU: exactly one of QMP, Return, Error, Event is set.
type response struct {
	QMP       json.RawMessage `json:"QMP"`
	Return    json.RawMessage `json:"return"`
	Error     *CommandError   `json:"error"`
	Event     string          `json:"event"`
	Data      json.RawMessage `json:"data"`
	ID        string          `json:"id"`
	Timestamp struct {
		Seconds      int64 `json:"seconds"`
		Microseconds int64 `json:"microseconds"`
	} `json:"timestamp"`
}

// decode decodes the response to a command into result, which may be nil.
func (r response) decode(command string, result any) error {
	if r.Error != nil {
		r.Error.Command = command
		return r.Error
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(r.Return, result); err != nil {
		return fmt.Errorf("QMP command %s: unexpected answer %.200q: %w", command, r.Return, err)
	}
	return nil
}

// parse reads a line and refuses one that is no message of the protocol.
func parse(line []byte) (response, error) {
	var r response
	if err := json.Unmarshal(line, &r); err != nil {
		return response{}, fmt.Errorf("malformed QMP message %.200q: %w", line, err)
	}
	if r.QMP == nil && r.Return == nil && r.Error == nil && r.Event == "" {
		return response{}, fmt.Errorf("malformed QMP message %.200q: neither return, error nor event", line)
	}
	return r, nil
}

// readGreeting reads QEMU's first line, which it sends when no other client is connected.
func readGreeting(lines *bufio.Scanner) error {
	if !lines.Scan() {
		return scanError(lines)
	}
	r, err := parse(lines.Bytes())
	if err != nil {
		return err
	}
	if r.QMP == nil {
		return fmt.Errorf("malformed QMP greeting %.200q", lines.Bytes())
	}
	return nil
}

// scanError returns why there is no further line.
func scanError(lines *bufio.Scanner) error {
	err := lines.Err()
	switch {
	case err == nil || errors.Is(err, io.ErrUnexpectedEOF):
		return errEnded
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("malformed QMP message: longer than %d bytes", maxMessage)
	default:
		return fmt.Errorf("reading QMP: %w", err)
	}
}

// read delivers messages until the connection ends or a message cannot be understood.
func (c *Client) read(lines *bufio.Scanner) {
	defer close(c.done)
	for lines.Scan() {
		r, err := parse(lines.Bytes())
		if err != nil {
			c.fail(err)
			_ = c.conn.Close()
			return
		}
		c.deliver(r)
	}
	c.fail(scanError(lines))
	_ = c.conn.Close()
}

// deliver hands an event to onEvent and a response to the call that waits for it.
func (c *Client) deliver(r response) {
	if r.Event != "" {
		at := time.Unix(r.Timestamp.Seconds, r.Timestamp.Microseconds*int64(time.Microsecond))
		c.onEvent(Event{Name: r.Event, Data: r.Data, At: at})
		return
	}
	c.mu.Lock()
	answer := c.pending[r.ID]
	delete(c.pending, r.ID)
	c.mu.Unlock()
	if answer != nil {
		answer <- r
	}
}
