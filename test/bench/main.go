// SPDX-License-Identifier: Apache-2.0

// Command bench measures the real rdd binary: start and stop, the latencies of the API, memory, how
// long commands take, and with -vm a guest. It prints a table of medians and writes JSON. It uses
// instances of its own below a temporary HOME.
//
// docs/performance.md has its figures of one machine. It has no tests.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"text/tabwriter"
	"time"
)

func main() {
	rdd := flag.String("rdd", "bin/rdd", "the binary to measure")
	runs := flag.Int("runs", 5, "runs of each figure")
	guests := flag.Bool("vm", false, "measure a real guest too; the cached image is used, or built first")
	out := flag.String("json", "", "file for the figures as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rdd, *runs, *guests, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rdd string, runs int, guests bool, out string) (err error) {
	path, err := filepath.Abs(rdd)
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "rddbench")
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	b := &bench{rdd: path, home: home, cache: cache, runs: runs}
	defer func() { err = errors.Join(err, b.cleanUp()) }()
	measures := []func(context.Context) error{b.commands, b.starts, b.api, b.store}
	if guests {
		measures = append(measures, b.machines, b.mounts)
	}
	for _, measure := range measures {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	print(b.figures)
	if out == "" {
		return nil
	}
	data, err := json.MarshalIndent(b.figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, data, 0o600)
}

func print(figures []figure) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmedian\tp99\tCPU\truns")
	for _, f := range figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", f.Name, f.text(f.Median), f.text(f.P99), seconds(f.CPU), f.Runs)
	}
	w.Flush()
}

func seconds(s float64) string {
	if s == 0 {
		return "-"
	}
	return (time.Duration(s * float64(time.Second))).Round(time.Millisecond).String()
}
