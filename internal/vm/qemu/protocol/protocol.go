// SPDX-License-Identifier: Apache-2.0

// Package protocol is what a hostagent and its clients share: HTTP on the Unix socket ha.sock, and
// the event lines of ha.stdout.log.
//
//	GET  /v1/info    Info
//	GET  /v1/events  the Events so far and those to come, one JSON object a line, until the hostagent ends
//	POST /v1/stop    StopRequest; 202 once the stop has begun
//	POST /v1/resume  202; a paused guest is resumed, if that is possible
//
// Events keep Lima's names (time, status.running, status.sshLocalPort, status.exiting, …) and
// add phase, progress and status.fault.
package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/vm"
)

// Version of the protocol. A hostagent outlives the daemon that started it, so a newer daemon finds
// older ones. Added fields do not change it: they are ignored by those who do not know them.
const Version = 1

// Paths of the requests.
const (
	InfoPath   = "/v1/info"
	EventsPath = "/v1/events"
	StopPath   = "/v1/stop"
	ResumePath = "/v1/resume"
)

// Info describes a hostagent and its machine.
type Info struct {
	Protocol      int    `json:"protocol"`
	BinaryVersion string `json:"binaryVersion"`
	Name          string `json:"name"`
	PID           int    `json:"pid"`
	StartID       string `json:"startID"`
	Event
}

// Event is a change of the machine's state.
type Event struct {
	Time     time.Time `json:"time"`
	Status   Status    `json:"status"`
	Phase    string    `json:"phase,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
}

// Status has Lima's names.
type Status struct {
	Running bool     `json:"running,omitempty"`
	Exiting bool     `json:"exiting,omitempty"`
	Errors  []string `json:"errors,omitempty"`
	// Fault is the failure of which Errors is the text.
	Fault        *vm.Fault `json:"fault,omitempty"`
	SSHLocalPort int       `json:"sshLocalPort,omitempty"`
	// Pause is why the guest does not run; absent when it does.
	Pause *vm.Pause `json:"pause,omitempty"`
	// PortForward is what the event is about, when it is about a forward.
	PortForward *PortForward `json:"portForward,omitempty"`
}

// Types of a PortForward.
const (
	Forwarding       = "forwarding"
	ForwardingFailed = "failed"
	ForwardingEnded  = "stopping"
)

// PortForward says that the forward of a port or a socket of the guest has begun, has failed or has
// ended.
type PortForward struct {
	// Type is Forwarding, ForwardingFailed or ForwardingEnded.
	Type string `json:"type"`
	// Protocol of the host's end: "tcp", "udp" or "unix".
	Protocol  string `json:"protocol,omitempty"`
	GuestAddr string `json:"guestAddr,omitempty"`
	HostAddr  string `json:"hostAddr,omitempty"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
}

// Progress of what is being done.
type Progress struct {
	Step  string    `json:"step"`
	Index int       `json:"index,omitempty"`
	Total int       `json:"total,omitempty"`
	Since time.Time `json:"since"`
}

// StopRequest asks to end the machine: Mode is "Shutdown" or "Force".
type StopRequest struct {
	Mode string `json:"mode"`
}

// Limits of a response, in bytes.
const maxHeader, maxAnswer = 64 << 10, 1 << 20

// Client sends requests to the hostagent behind a socket. Every call needs a context with a
// deadline: the kernel accepts connections to a hostagent that hangs, which never answers.
type Client struct{ http *http.Client }

// NewClient returns a client; it does not connect yet.
func NewClient(socket string) *Client {
	return &Client{http: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// Info returns the hostagent's version and the state of its machine.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	err := c.do(ctx, http.MethodGet, InfoPath, nil, &info)
	return info, err
}

// Stop begins to end the machine; mode is that of a StopRequest. A machine that is stopping already
// is no error.
func (c *Client) Stop(ctx context.Context, mode string) error {
	return c.do(ctx, http.MethodPost, StopPath, StopRequest{Mode: mode}, nil)
}

// Resume resumes a paused guest, if that is possible.
func (c *Client) Resume(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, ResumePath, struct{}{}, nil)
}

// do sends a request and decodes the response into receive, which may be nil.
func (c *Client) do(ctx context.Context, method, path string, send, receive any) error {
	body, err := json.Marshal(send)
	if err != nil {
		return fmt.Errorf("asking the hostagent: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://hostagent"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking the hostagent: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("asking the hostagent: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := bounded.ReadAll(response.Body, maxAnswer)
	if err != nil {
		return fmt.Errorf("asking the hostagent: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the hostagent refused %s: %s", path, bytes.TrimSpace(answer))
	}
	if receive == nil {
		return nil
	}
	if err := json.Unmarshal(answer, receive); err != nil {
		return fmt.Errorf("the hostagent's answer to %s cannot be understood: %w", path, err)
	}
	return nil
}
