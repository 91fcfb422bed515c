// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"time"

	containersfake "rancherdesktop.io/rdd/internal/containers/fake"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
)

// stepInterval is the time between two steps of the fake engine's background work.
const stepInterval = 50 * time.Millisecond

// holdFile is the control file that stops the background work while it exists.
const holdFile = "hold"

// scriptOperations are those that the script command lacks can make fail.
var scriptOperations = []vm.Operation{vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationDelete}

// controls is the directory of the control files: a script changes its fake engine by them.
func controls(home string) string { return filepath.Join(home, "fake") }

// scriptEngines returns fake engines. Their background work goes on by itself, as the control files
// say.
func scriptEngines(inst instance.Instance) (wiring.Engines, error) {
	world := fake.NewWorld(time.Now)
	engine := world.Open()
	found, err := findLeft(world, engine, inst.LimaHome())
	if err != nil {
		return wiring.Engines{}, err
	}
	dir := controls(os.Getenv("HOME"))
	containers := &containersfake.Monitor{}
	go func() {
		for range time.Tick(stepInterval) {
			breakContainers(containers, dir)
			planRenameFailure(world, dir)
			for _, operation := range scriptOperations {
				planFailure(world, dir, operation)
			}
			if _, err := os.Stat(filepath.Join(dir, holdFile)); err != nil {
				world.Advance()
				containers.Advance()
			}
			if err := found.follow(); err != nil {
				panic(err) // the script's own files
			}
		}
	}()
	return wiring.Engines{Machines: engine, Containers: containers}, nil
}

// containersBroken is the control file that makes container engines fail; its content is the
// reason.
const containersBroken = "containers"

// breakContainers makes container engines fail while the control file exists.
func breakContainers(monitor *containersfake.Monitor, dir string) {
	problem, err := os.ReadFile(filepath.Join(dir, containersBroken))
	if err != nil {
		problem = nil
	}
	monitor.Break(string(problem))
}

// planFailure makes an operation of the engine fail while its control file exists.
func planFailure(world *fake.World, dir string, operation vm.Operation) {
	missing, err := os.ReadFile(filepath.Join(dir, string(operation)))
	if err != nil {
		world.FailOperation(operation, nil, 0)
		return
	}
	world.FailOperation(operation, lacking(missing), -1)
}

func lacking(missing []byte) error {
	return &vm.HostError{Missing: string(missing), Hint: "sudo apt-get install " + string(missing)}
}

// planRenameFailure makes renaming fail likewise, which is no background work.
func planRenameFailure(world *fake.World, dir string) {
	missing, err := os.ReadFile(filepath.Join(dir, "rename"))
	if err != nil {
		world.FailMethod("Rename", nil)
		return
	}
	world.FailMethod("Rename", lacking(missing))
}
