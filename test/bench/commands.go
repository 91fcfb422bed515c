// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTicks per second of /proc/PID/stat; 100 on every Linux platform (sysconf(3), _SC_CLK_TCK).
const clockTicks = 100

// bench runs measurements and collects figures.
type bench struct {
	// cache is the user's own, with the guest image.
	rdd, home, cache string
	runs             int
	figures          []figure
}

func (b *bench) env(instance string) []string {
	return append(os.Environ(), "HOME="+b.home, "RDD_INSTANCE="+instance,
		"XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_CACHE_HOME="+b.cache)
}

// rddRun runs rdd to its end and returns its output, wall and CPU seconds.
func (b *bench) rddRun(ctx context.Context, instance string, args ...string) (out []byte, wall, cpu float64, err error) {
	cmd := exec.CommandContext(ctx, b.rdd, args...)
	cmd.Env = b.env(instance)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	out, err = cmd.Output()
	wall = time.Since(began).Seconds()
	if cmd.ProcessState != nil {
		cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	if err != nil {
		err = fmt.Errorf("rdd %s: %w: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, wall, cpu, err
}

// repeat measures a command line several times against one instance.
func (b *bench) repeat(ctx context.Context, name, instance string, args ...string) error {
	var walls, cpus []float64
	for range b.runs {
		_, wall, cpu, err := b.rddRun(ctx, instance, args...)
		if err != nil {
			return err
		}
		walls, cpus = append(walls, wall), append(cpus, cpu)
	}
	b.figures = append(b.figures, summary(name, "s", walls, cpus))
	return nil
}

func (b *bench) commands(ctx context.Context) error {
	info, err := os.Stat(b.rdd)
	if err != nil {
		return err
	}
	b.figures = append(b.figures, summary("binary size", "MB", []float64{float64(info.Size()) / 1e6}, nil))
	return b.repeat(ctx, "rdd --help", "bench", "--help")
}

// starts measures the first start, a later start and the stop of a daemon, each time in a new
// instance.
func (b *bench) starts(ctx context.Context) error {
	var first, firstCPU, later, laterCPU, stops []float64
	for i := range b.runs {
		instance := fmt.Sprintf("b%d", i)
		for _, into := range []struct{ wall, cpu *[]float64 }{{&first, &firstCPU}, {&later, &laterCPU}} {
			_, wall, clientCPU, err := b.rddRun(ctx, instance, "service", "start")
			if err != nil {
				return err
			}
			daemonCPU, err := b.daemonCPU(ctx, instance)
			if err != nil {
				return err
			}
			*into.wall, *into.cpu = append(*into.wall, wall), append(*into.cpu, clientCPU+daemonCPU)
			_, wall, _, err = b.rddRun(ctx, instance, "service", "stop")
			if err != nil {
				return err
			}
			stops = append(stops, wall)
		}
		if _, _, _, err := b.rddRun(ctx, instance, "service", "delete"); err != nil {
			return err
		}
	}
	b.figures = append(b.figures, summary("first start", "s", first, firstCPU),
		summary("later start", "s", later, laterCPU), summary("stop", "s", stops, nil))
	return nil
}

// daemonPID asks the instance's daemon for its process id.
func (b *bench) daemonPID(ctx context.Context, instance string) (int, error) {
	out, _, _, err := b.rddRun(ctx, instance, "service", "status", "-o", "json")
	if err != nil {
		return 0, err
	}
	var status struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(out, &status); err != nil || status.PID == 0 {
		return 0, errors.Join(fmt.Errorf("no pid in the output of rdd service status: %s", out), err)
	}
	return status.PID, nil
}

func (b *bench) daemonCPU(ctx context.Context, instance string) (float64, error) {
	pid, err := b.daemonPID(ctx, instance)
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// utime and stime are fields 14 and 15, 11 and 12 after the command name (proc(5)).
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	return (user + system) / clockTicks, err
}

// cleanUp deletes every instance the bench made, then its HOME.
func (b *bench) cleanUp() error {
	var errs []error
	instances, err := filepath.Glob(filepath.Join(b.home, ".local", "share", "rancher-desktop-*"))
	errs = append(errs, err)
	for _, dir := range instances {
		instance := strings.TrimPrefix(filepath.Base(dir), "rancher-desktop-")
		_, _, _, err := b.rddRun(context.Background(), instance, "service", "delete")
		errs = append(errs, err)
	}
	if errors.Join(errs...) != nil {
		return errors.Join(errs...)
	}
	return os.RemoveAll(b.home)
}
