// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/containers/smokeimage"
	"rancherdesktop.io/rdd/internal/vm"
)

// namespace is containerd's namespace for the containers of rdd and its users. Docker has another
// one.
const namespace = "rancherdesktop"

// ctrTimeout is the time limit of one ctr in the guest, in seconds. It ends a ctr that hangs after
// its caller has given up.
const ctrTimeout = "300"

// The scripts run as root in the guest.
const (
	// eventsScript subscribes to an event that is rare, until its standard input ends. The input is
	// how it is stopped: ssh cannot send a signal to what sudo runs, and a process that writes nothing
	// gets no SIGPIPE.
	eventsScript = `exec 3<&0
ctr events 'topic=="/namespaces/delete"' &
events=$!
{ cat <&3 && kill "$events"; } >/dev/null 2>&1 &
reader=$!
wait "$events"
code=$?
kill "$reader"
exit "$code"`

	// removeScript removes the container $1. It succeeds when there is no such container. A ctr whose
	// caller was killed may be removing it at the same time, hence the second try.
	removeScript = `ctr() { timeout -k 5 ` + ctrTimeout + ` ctr -n ` + namespace + ` "$@"; }
remove() {
  ctr tasks rm --force "$1" >/dev/null 2>&1
  problem=$(ctr containers rm "$1" 2>&1) || test -z "$(ctr containers ls -q "id==$1")"
}
remove "$1" || remove "$1" || { echo "$problem" >&2; exit 1; }`
)

// containerd is the engine containerd. It is used through ctr, run by sudo in the guest: only root
// may use its socket there.
type containerd struct {
	shell    Shell
	instance string
	image    smokeimage.Image
}

func newContainerd(shell Shell, instance string, image smokeimage.Image) (*containerd, error) {
	if shell == nil {
		return nil, errors.New("there is no way to run commands in the guests of this engine of virtual machines")
	}
	return &containerd{shell: shell, instance: instance, image: image}, nil
}

func (c *containerd) describe() (title, hint string) {
	return "containerd", "rdd shell sudo journalctl -u containerd"
}

// pingIntervalFactor is above 1 because a ping is costly: it runs a login shell, sudo and ctr,
// which takes an emulated guest a second.
func (c *containerd) pingIntervalFactor() time.Duration { return 4 }

func (c *containerd) close() {}

func (c *containerd) version(ctx context.Context) (string, error) {
	out, err := c.ctr(ctx, nil, "version")
	if err != nil {
		return "", err
	}
	_, server, _ := strings.Cut(out, "Server:")
	for line := range strings.Lines(server) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "Version:"); ok {
			return shorten(strings.TrimSpace(version), maxVersion), nil
		}
	}
	return "", fmt.Errorf("ctr version did not say the server's: %q", shorten(out, maxProblem))
}

func (c *containerd) ping(ctx context.Context) error {
	_, err := c.ctr(ctx, nil, "version")
	return err
}

// listen reports that it has subscribed before ctr has: ctr does not say when it has. What happens
// to containerd in between ends the smoke test with an error.
func (c *containerd) listen(ctx context.Context, subscribed func()) error {
	input, hold := io.Pipe()
	defer func() { _ = input.Close() }() // unblocks a reader
	defer func() { _ = hold.Close() }()
	subscribed()
	_, err := c.root(ctx, input, "sh", "-c", eventsScript)
	if err == nil {
		return errors.New("its event stream was cut, as it is when the engine ends")
	}
	return fmt.Errorf("its event stream ended: %w", err)
}

func (c *containerd) leftovers(ctx context.Context) ([]string, error) {
	out, err := c.ctr(ctx, nil, "-n", namespace, "containers", "ls", "-q", `labels."`+label+`"`)
	return strings.Fields(out), err
}

func (c *containerd) remove(ctx context.Context, id string) error {
	_, err := c.root(ctx, nil, "sh", "-c", removeScript, "sh", id)
	return err
}

func (c *containerd) hasImage(ctx context.Context) (bool, error) {
	out, err := c.ctr(ctx, nil, "-n", namespace, "images", "ls", "-q", "name=="+smokeimage.Name)
	return strings.TrimSpace(out) == smokeimage.Name, err
}

func (c *containerd) load(ctx context.Context) error {
	_, err := c.ctr(ctx, bytes.NewReader(c.image.Archive), "-n", namespace, "images", "import", "-")
	return err
}

// run uses neither --cni nor --net-host, so the container has an empty network namespace.
func (c *containerd) run(ctx context.Context, name string) (code int, output string, err error) {
	out, err := c.ctr(ctx, nil, "-n", namespace, "run", "--rm", "--read-only", "--label", label+"=true", smokeimage.Name, name)
	var failed *commandError
	if errors.As(err, &failed) && failed.message == "" {
		return failed.code, out, nil // ctr passes on the container's exit code, without a message
	}
	return 0, out, err
}

// ctr runs ctr as root, with a time limit in the guest, and returns its output. A ctr that fails is
// a *commandError.
func (c *containerd) ctr(ctx context.Context, input io.Reader, args ...string) (string, error) {
	return c.root(ctx, input, append([]string{"timeout", "-k", "5", ctrTimeout, "ctr"}, args...)...)
}

// commandError is the failure of a command in the guest: its exit code, and what it wrote to
// standard error.
type commandError struct {
	code    int
	message string
}

func (e *commandError) Error() string {
	if e.message == "" {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.message
}

// guestPath is where the guest's programs are. sudo takes variables from the guest's settings
// again.
const guestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// root runs a command as root in the guest and returns its output. A command that fails is a
// *commandError.
func (c *containerd) root(ctx context.Context, input io.Reader, args ...string) (string, error) {
	limited, tooMuch := context.WithCancelCause(ctx)
	defer tooMuch(nil)
	out, problems := &bounded.Buffer{Limit: maxOutput}, &bounded.Buffer{Limit: maxOutput}
	out.Full = func() { tooMuch(out.Err()) }
	problems.Full = func() { tooMuch(problems.Err()) }
	code, err := c.shell(limited, c.instance, vm.Command{
		Args: append([]string{"sudo", "env", "-i", "PATH=" + guestPath}, args...), CleanEnv: true,
		Stdin: input, Stdout: out, Stderr: problems,
	})
	cause := context.Cause(limited)
	switch {
	case errors.Is(cause, bounded.ErrTooLong):
		return "", fmt.Errorf("the guest's answer is %w", cause)
	case err != nil:
		return "", fmt.Errorf("reaching the guest: %w", err)
	case code != 0:
		return out.String(), &commandError{code: code, message: strings.TrimSpace(problems.String())}
	}
	return out.String(), nil
}
