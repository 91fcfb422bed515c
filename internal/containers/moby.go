// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
)

// moby is Docker, by its API. The client settles on a version of the API that both sides speak,
// from Docker 19.03 on.
type moby struct {
	socket string
	image  smokeimage.Image
	client *client.Client
}

func newMoby(socket string, image smokeimage.Image) (*moby, error) {
	c, err := client.New(client.WithHost("unix://"+socket), client.WithUserAgent("rdd"))
	if err != nil {
		return nil, fmt.Errorf("preparing to reach Docker: %w", err)
	}
	return &moby{socket: socket, image: image, client: c}, nil
}

func (m *moby) describe() (title, hint string) {
	return "Docker", "rdd shell sudo journalctl -u docker"
}

func (m *moby) pingFactor() time.Duration { return 1 }

// close never fails: it closes connections that nobody uses.
func (m *moby) close() { _ = m.client.Close() }

func (m *moby) version(ctx context.Context) (string, error) {
	// It may have been replaced by one that speaks another version.
	if _, err := m.client.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true, ForceNegotiate: true}); err != nil {
		return "", m.plain(err)
	}
	v, err := m.client.ServerVersion(ctx, client.ServerVersionOptions{})
	return v.Version, m.plain(err)
}

func (m *moby) ping(ctx context.Context) error {
	_, err := m.client.Ping(ctx, client.PingOptions{})
	return m.plain(err)
}

// listen asks for the events of the daemon itself only, which has next to none: a busy engine costs
// nothing.
func (m *moby) listen(ctx context.Context, begun func()) error {
	events := m.client.Events(ctx, client.EventsListOptions{Filters: client.Filters{}.Add("type", "daemon")})
	begun()
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
	if errdefs.IsNotFound(err) {
		return nil
	}
	return m.plain(err)
}

// hasImage takes no image for ours that only has its name.
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

// loadResult reads what the engine says while it loads: what goes wrong comes after the answer has
// begun.
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
			// From which the output is read, whatever the engine's own is.
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

// exitCode waits without a context: the client's own ends one of the two.
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
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, logs); err != nil {
		return "", m.plain(err)
	}
	return out.String(), nil
}

// plain says in plain words what the way to the engine did to a request.
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

// wasCut reports whether the connection ended before the answer did. One of the ways in which
// net/http says so has no name.
func wasCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection")
}
