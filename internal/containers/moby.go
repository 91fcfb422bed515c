// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/containers/smokeimage"
)

// moby is the engine Docker, used through its API on a Unix socket of the host. The client
// negotiates the version of the API; Docker 19.03 and later are supported.
type moby struct {
	socket string
	image  smokeimage.Image
	client *client.Client
}

func newMoby(socket string, image smokeimage.Image) (*moby, error) {
	// The dialer comes last: WithHost sets one of its own.
	transport := limitedTransport(socket)
	c, err := client.New(
		client.WithHTTPClient(&http.Client{Transport: transport}), client.WithHost("unix://"+socket),
		client.WithDialContext(transport.DialContext), client.WithUserAgent("rdd"),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing to reach Docker: %w", err)
	}
	return &moby{socket: socket, image: image, client: c}, nil
}

func (m *moby) describe() (title, hint string) {
	return "Docker", "rdd shell sudo journalctl -u docker"
}

func (m *moby) pingIntervalFactor() time.Duration { return 1 }

// close ignores the client's error: what it closes is idle.
func (m *moby) close() { _ = m.client.Close() }

func (m *moby) version(ctx context.Context) (string, error) {
	// Docker may have been replaced since the last connection, by one with another version of the API.
	if _, err := m.client.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true, ForceNegotiate: true}); err != nil {
		return "", m.plain(err)
	}
	v, err := m.client.ServerVersion(ctx, client.ServerVersionOptions{})
	return shorten(v.Version, maxVersion), m.plain(err)
}

func (m *moby) ping(ctx context.Context) error {
	_, err := m.client.Ping(ctx, client.PingOptions{})
	return m.plain(err)
}

// listen subscribes to the events of the Docker daemon itself. These are rare, so a busy engine
// does not wake rdd.
func (m *moby) listen(ctx context.Context, subscribed func()) error {
	events := m.client.Events(ctx, client.EventsListOptions{Filters: client.Filters{}.Add("type", "daemon")})
	subscribed()
	for {
		select {
		case <-events.Messages:
		case err := <-events.Err:
			if err == nil || wasCut(err) {
				return errors.New("its event stream was cut, as it is when the engine ends")
			}
			return fmt.Errorf("its event stream ended: %w", m.plain(err))
		}
	}
}

func (m *moby) leftovers(ctx context.Context) ([]string, error) {
	list, err := m.client.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", label)})
	var ids []string
	for _, c := range list.Items {
		ids = append(ids, c.ID)
	}
	return ids, m.plain(err)
}

func (m *moby) remove(ctx context.Context, id string) error {
	_, err := m.client.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsConflict(err) {
		return m.awaitRemoval(ctx, id)
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	return m.plain(err)
}

// awaitRemoval waits for the end of a removal that someone else has asked for: a daemon of rdd that
// was killed, for example.
func (m *moby) awaitRemoval(ctx context.Context, id string) error {
	end := m.client.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	if _, err := m.exitCode(end); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("waiting for its removal by someone else: %w", err)
	}
	return nil
}

// hasImage compares the image's layer: the name alone may be another image's.
func (m *moby) hasImage(ctx context.Context) (bool, error) {
	image, err := m.client.ImageInspect(ctx, smokeimage.Name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil && slices.Equal(image.RootFS.Layers, []string{m.image.Layer}), m.plain(err)
}

func (m *moby) load(ctx context.Context) error {
	result, err := m.client.ImageLoad(ctx, bytes.NewReader(m.image.Archive), client.ImageLoadWithQuiet(true))
	if err != nil {
		return m.plain(err)
	}
	defer func() { _ = result.Close() }()
	return loadResult(result)
}

// loadResult reads the messages that the engine streams while it loads an image. A failure to load
// is one of them, as the HTTP status has been sent before.
func loadResult(r io.Reader) error {
	for decoder := json.NewDecoder(r); ; {
		var message struct {
			Error string `json:"error"`
		}
		err := decoder.Decode(&message)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the engine's answer: %w", err)
		case message.Error != "":
			return errors.New(message.Error)
		}
	}
}

func (m *moby) run(ctx context.Context, name string) (code int, output string, err error) {
	created, err := m.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name,
		Config: &container.Config{
			Image: smokeimage.Name, Entrypoint: []string{smokeimage.Path}, Labels: map[string]string{label: "true"},
			AttachStdout: true,
		},
		HostConfig: &container.HostConfig{
			NetworkMode: "none", ReadonlyRootfs: true,
			// The output is read from the log, which not every log driver that may be configured allows.
			LogConfig: container.LogConfig{Type: "json-file"},
		},
	})
	if err != nil {
		return 0, "", fmt.Errorf("creating it: %w", m.plain(err))
	}
	end := m.client.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := m.client.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return 0, "", fmt.Errorf("starting it: %w", m.plain(err))
	}
	if code, err = m.exitCode(end); err != nil {
		return 0, "", fmt.Errorf("waiting for its end: %w", err)
	}
	if output, err = m.output(ctx, created.ID); err != nil {
		return 0, "", fmt.Errorf("reading its output: %w", err)
	}
	if err := m.remove(ctx, created.ID); err != nil {
		return 0, "", fmt.Errorf("removing it: %w", err)
	}
	return code, output, nil
}

// exitCode returns the exit code of a container that is being waited for. It needs no context: the
// one of ContainerWait ends one of the two channels.
func (m *moby) exitCode(end client.ContainerWaitResult) (int, error) {
	select {
	case err := <-end.Error:
		return 0, m.plain(err)
	case result := <-end.Result:
		if result.Error != nil && result.Error.Message != "" {
			return 0, errors.New(result.Error.Message)
		}
		return int(result.StatusCode), nil
	}
}

func (m *moby) output(ctx context.Context, id string) (string, error) {
	logs, err := m.client.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return "", m.plain(err)
	}
	defer func() { _ = logs.Close() }()
	out := &bounded.Buffer{Limit: maxOutput}
	if err := demultiplex(out, logs); err != nil {
		return "", m.plain(err)
	}
	return out.String(), out.Err()
}

// plain makes an error of the client readable: it drops the URL of the request, and says so when
// the connection was cut. That happens when the hostagent forwards the socket and nothing listens
// in the guest.
func (m *moby) plain(err error) error {
	var request *url.Error
	switch {
	case err == nil:
		return nil
	case wasCut(err):
		return fmt.Errorf("the connection by %s was cut: nothing answers behind it", m.socket)
	case errors.As(err, &request):
		return request.Err
	}
	return err
}

// wasCut reports whether the connection ended before the answer was complete. net/http has no
// exported error for one of the cases, so its text is compared.
func wasCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection")
}
