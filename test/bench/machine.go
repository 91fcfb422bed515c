// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machineTemplate is a guest without probes: it runs as soon as ssh answers.
const machineTemplate = "images:\n- location: rdd:docker\ncontainerd: {system: false, user: false}\n"

// machineInstance is the rdd instance of the measured guests.
const machineInstance = "bvm"

// machineStep is a command in a guest's life, and the name of its figure. Without args it is the
// adoption.
type machineStep struct {
	figure string
	args   []string
}

// machines measures a real guest's life. The image must be in the cache: rdd image build.
func (b *bench) machines(ctx context.Context) error {
	template := filepath.Join(b.home, "bench.yaml")
	if err := os.WriteFile(template, []byte(machineTemplate), 0o600); err != nil {
		return err
	}
	if _, _, _, err := b.rddRun(ctx, machineInstance, "service", "start"); err != nil {
		return err
	}
	steps := []machineStep{
		{"guest: create", []string{"limavm", "create", "b", template}},
		{"guest: first start to ssh", []string{"limavm", "start", "b"}},
		{"guest: shell true right after the start", []string{"limavm", "shell", "b", "true"}},
		{"guest: shell true", []string{"limavm", "shell", "b", "true"}},
		{"guest: adoption", nil},
		{"guest: stop", []string{"limavm", "stop", "b"}},
		{"guest: later start to ssh", []string{"limavm", "start", "b"}},
		{"guest: delete", []string{"limavm", "delete", "b"}},
		{"guest: first rdd start to Docker", []string{"start"}},
		{"guest: rdd delete", []string{"delete"}},
	}
	walls := map[string][]float64{}
	for range b.runs {
		for _, step := range steps {
			wall, err := b.machineStep(ctx, step)
			if err != nil {
				return err
			}
			walls[step.figure] = append(walls[step.figure], wall)
		}
	}
	for _, step := range steps {
		b.figures = append(b.figures, summary(step.figure, "s", walls[step.figure], nil))
	}
	return nil
}

func (b *bench) machineStep(ctx context.Context, step machineStep) (float64, error) {
	if step.args == nil {
		return b.adoption(ctx)
	}
	_, wall, _, err := b.rddRun(ctx, machineInstance, step.args...)
	return wall, err
}

// adoption kills the hostagent and measures until a command in the guest works by another one.
func (b *bench) adoption(ctx context.Context) (float64, error) {
	out, _, _, err := b.rddRun(ctx, machineInstance, "service", "paths", "lima_home")
	if err != nil {
		return 0, err
	}
	pidFile := filepath.Join(strings.TrimSpace(string(out)), "b", "ha.pid")
	old, err := readPID(pidFile)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		return 0, err
	}
	for {
		pid, err := readPID(pidFile)
		if err == nil && pid != old {
			_, _, _, err := b.rddRun(ctx, machineInstance, "limavm", "shell", "b", "true")
			return time.Since(began).Seconds(), err
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for the adoption: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

func readPID(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}
