// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
)

func TestUnclaimedDirectories(t *testing.T) {
	home := t.TempDir()
	for name, record := range map[string]string{
		"rd":  `{"engine":"qemu","owner":{"uid":"1","namespace":"default","name":"rd"}}`,
		"old": `{"engine":"qemu","owner":{"uid":"2","namespace":"work","name":"old"}}`, "foreign": "", "damaged": "{", ".staging": "",
		"_config": "",
	} {
		if err := os.Mkdir(filepath.Join(home, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if record == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(home, name, "rdd.json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ListUnclaimed(t.Context(), onDisk(home), []limav1.LimaVM{{ObjectMeta: metav1.ObjectMeta{UID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Unclaimed{
		{Name: "damaged", Dir: filepath.Join(home, "damaged"), Damaged: true},
		{Name: "foreign", Dir: filepath.Join(home, "foreign")},
		{Name: "old", Dir: filepath.Join(home, "old"), Owner: "work/old"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	lock, err := flock.Try(filepath.Join(home, "damaged", "qemu.lock"))
	if err != nil {
		t.Fatal(err)
	}
	live, err := ListUnclaimed(t.Context(), onDisk(home), nil)
	if text := live[0].Text(); err != nil || strings.Contains(text, "rm ") || !strings.Contains(text, "its machine runs") {
		t.Errorf("of a machine that runs: %q, %v", text, err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	for i, says := range []string{
		"mv '" + want[0].Dir + "' '" + filepath.Join(home, "_damaged-damaged") + "'", "leaves it alone",
		"rdd limavm adopt old; to remove it with its disk: rdd limavm delete old --unclaimed",
	} {
		if text := got[i].Text(); !strings.Contains(text, says) {
			t.Errorf("%q does not say %q", text, says)
		}
	}
	if got, err := ListUnclaimed(t.Context(), onDisk(filepath.Join(home, "none")), nil); got != nil || err != nil {
		t.Errorf("without a directory: %v, %v", got, err)
	}
}

// onDisk is a session whose engine has its instances below limaHome.
func onDisk(limaHome string) *session.Session {
	return &session.Session{Engine: func(instance.Instance) vm.Engine { return qemu.New(qemu.Config{LimaHome: limaHome}) }}
}

func TestAnEngineWithoutDirectoriesDoesNotSayNone(t *testing.T) {
	s := &session.Session{Engine: func(instance.Instance) vm.Engine { return struct{ vm.Engine }{} }}
	if got, err := ListUnclaimed(t.Context(), s, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, %v", got, err)
	}
}
