// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// leftTemplate is the template in the directories that cmdLeave makes.
const leftTemplate = `images: [{location: "rdd:docker"}]
param: {size: "3"}
env: {SIZE: "{{.Param.size}}"}
`

// cmdLeave makes an instance directory whose LimaVM, of that UID and namespace, does not exist. It
// is used while no daemon runs: the fake engine of the next one finds the directory.
func cmdLeave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: leave NAME UID NAMESPACE [K=V…]")
	}
	record := vmdir.Record{
		Engine: vmdir.Engine, Owner: vm.Owner{UID: args[1], Namespace: args[2], Name: args[0]}, Spec: vmdir.Spec{Params: map[string]string{}},
	}
	for _, arg := range args[3:] {
		key, value, _ := strings.Cut(arg, "=")
		record.Spec.Params[key] = value
	}
	home := vmdir.Home(scriptPaths(ts.Getenv("HOME")).LimaHome())
	ts.Check(home.Claim(args[0], record, []byte(leftTemplate)))
}

// left are the directories on disk that the fake world, which is in memory, stands for.
type left struct {
	home  vmdir.Home
	world *fake.World
	names []string
	// kept is the content of keptFile.
	kept []byte
}

// findLeft puts the directories that cmdLeave made into the world, as its engine would find them.
func findLeft(world *fake.World, engine vm.Engine, limaHome string) (*left, error) {
	l := &left{home: vmdir.Home(limaHome), world: world}
	names, err := l.home.Instances()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		dir := vmdir.In(limaHome, name)
		record, err := dir.ReadRecord()
		if errors.Is(err, vmdir.ErrForeign) {
			continue
		}
		data, readErr := os.ReadFile(dir.Template())
		if err := errors.Join(err, readErr); err != nil {
			return nil, err
		}
		spec := vm.Spec{
			Name: name, Owner: record.Owner, Template: data, Params: record.Spec.Params, Revision: template.Revision(data, record.Spec.Params),
		}
		if err := engine.Apply(context.Background(), spec); err != nil {
			return nil, err
		}
		l.names = append(l.names, name)
	}
	if err := l.loadKept(engine); err != nil {
		return nil, err
	}
	for world.Advance() {
	}
	return l, nil
}

// keptFile is the control file with the instances that the next daemon finds: the fake world is in
// memory, and its directories outlive the daemon as those on disk do.
const keptFile = "instances.json"

func keptPath() string { return filepath.Join(controls(os.Getenv("HOME")), keptFile) }

// loadKept makes the instances of a daemon that has ended, which are stopped now.
func (l *left) loadKept(engine vm.Engine) error {
	data, err := os.ReadFile(keptPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var specs []vm.Spec
	if err == nil {
		err = json.Unmarshal(data, &specs)
	}
	if err != nil {
		return err
	}
	for _, spec := range specs {
		if slices.Contains(l.names, spec.Name) {
			continue
		}
		if err := engine.Apply(context.Background(), spec); err != nil {
			return err
		}
	}
	l.kept = data
	return nil
}

// keep writes the complete instances to keptFile when they have changed. Where a script has removed
// its directory, there is nothing to keep.
func (l *left) keep() error {
	specs := []vm.Spec{}
	for _, name := range l.world.Names() {
		state, exists := l.world.Peek(name)
		if !exists || state.Revision == "" || state.Owner.UID == "" {
			continue
		}
		text, params := l.world.Template(name)
		specs = append(specs, vm.Spec{
			Name: name, Owner: state.Owner, Revision: state.Revision, Template: text, Params: params, Incarnation: state.Incarnation,
		})
	}
	data, err := json.Marshal(specs)
	if err != nil || bytes.Equal(data, l.kept) {
		return err
	}
	l.kept = data
	if _, err := os.Stat(controls(os.Getenv("HOME"))); err != nil {
		return nil //nolint:nilerr // the script's HOME is gone
	}
	return os.WriteFile(keptPath(), data, 0o600)
}

// follow changes the directories as the world has changed.
func (l *left) follow() error {
	var kept []string
	for _, name := range l.names {
		dir := vmdir.In(string(l.home), name)
		state, exists := l.world.Peek(name)
		if !exists {
			if err := os.RemoveAll(filepath.Clean(string(dir))); err != nil {
				return err
			}
			continue
		}
		kept = append(kept, name)
		record, err := dir.ReadRecord()
		if err != nil {
			return err
		}
		if record.Owner != state.Owner {
			record.Owner = state.Owner
			if err := dir.WriteRecord(record); err != nil {
				return err
			}
		}
	}
	l.names = kept
	return l.keep()
}
