// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

func TestSSHIsReported(t *testing.T) {
	e := New(Config{LimaHome: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if _, err := e.SSH(t.Context(), "dev"); !errors.Is(err, vm.ErrNotFound) {
		t.Errorf("without an instance: %v", err)
	}
	dir := vmdir.In(e.config.LimaHome, "dev")
	err := errors.Join(os.Mkdir(string(dir), 0o700), dir.WriteRecord(vmdir.Record{Engine: vmdir.Engine, Owner: vm.Owner{UID: "u"}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.SSH(t.Context(), "dev"); !errors.Is(err, vm.ErrNotRunning) {
		t.Errorf("before the first boot: %v", err)
	}
	reached := sshx.Config{Address: "127.0.0.1:40022", User: "jo", PrivateKeyFile: dir.UserKey(), KnownHostsFile: dir.KnownHosts()}
	config, err := reached.Format("dev")
	if err == nil {
		err = os.WriteFile(dir.SSHConfig(), config, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := vm.SSH{
		ConfigFile: dir.SSHConfig(), Host: "dev", Address: "127.0.0.1", Port: 40022, User: "jo",
		KeyFile: dir.UserKey(), KnownHostsFile: dir.KnownHosts(),
	}
	if got, err := e.SSH(t.Context(), "dev"); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}
