// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"os"
	"strings"
	"testing"
)

func TestSocketLink(t *testing.T) {
	w := newWorld(t)
	h := w.host("2")
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Off)
	w.write("run/docker.sock", "theirs", 0o600)
	if err := h.TurnOn(t.Context(), Want{Docker: true}, Socket); err == nil || !strings.Contains(err.Error(), "sudo rm") {
		t.Errorf("over a file: %v", err)
	}
	w.wantState(h, Applied, NotApplied, Off)
	w.must(h.TurnOff(t.Context(), Socket))
	if w.read("run/docker.sock") != "theirs" {
		t.Error("somebody's file was changed")
	}
	w.must(os.Remove(w.path("run/docker.sock")))
	w.must(h.TurnOn(t.Context(), Want{Docker: true}, Socket))
	w.must(os.Remove(w.path("run/docker.sock"))) // the host was booted
	w.wantState(h, Applied, NotApplied, NotApplied)
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Applied)
	w.apply(h, Want{})
	w.wantState(h, NotApplied, NotApplied, NotApplied)
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Applied)
	w.must(os.Remove(w.path("run/docker.sock")))
	w.must(os.Symlink("/elsewhere", w.path("run/docker.sock")))
	w.wantState(h, Applied, NotApplied, Foreign)
	w.must(h.TurnOff(t.Context(), Socket))
	if target, err := os.Readlink(w.path("run/docker.sock")); err != nil || target != "/elsewhere" {
		t.Errorf("somebody's link: %s, %v", target, err)
	}
}

func TestSocketThatMayNotBeMade(t *testing.T) {
	w := newWorld(t)
	h := w.host("2")
	h.files = forbidden{}
	err := h.TurnOn(t.Context(), Want{Docker: true}, Socket)
	if err == nil || !strings.Contains(err.Error(), "sudo ln -s '"+h.Socket+"' "+h.Link) {
		t.Errorf("got %v", err)
	}
	w.wantState(h, Applied, NotApplied, Off)
	w.must(os.Symlink(h.Socket, h.Link)) // as the remedy says
	w.must(h.TurnOn(t.Context(), Want{Docker: true}, Socket))
	w.wantState(h, Applied, NotApplied, Applied)
}

type forbidden struct{ diskFiles }

func (forbidden) Link(_, path string) error {
	return &os.PathError{Op: "symlink", Path: path, Err: os.ErrPermission}
}
