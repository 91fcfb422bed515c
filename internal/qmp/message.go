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
