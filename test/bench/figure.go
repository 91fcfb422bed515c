// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"
)

// figure is one measured quantity. Its Unit is "s" for seconds, "MB" for 10⁶ bytes, or "1/s" for a
// rate.
type figure struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
	// CPU is the median of the CPU seconds used, where known.
	CPU  float64 `json:"cpu,omitempty"`
	Runs int     `json:"runs"`
}

func (f figure) text(value float64) string {
	if f.Unit == "s" {
		return time.Duration(value * float64(time.Second)).Round(10 * time.Microsecond).String()
	}
	return fmt.Sprintf("%.1f %s", value, f.Unit)
}

// quantile returns the q-quantile of values by the nearest-rank method; 0 for none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func summary(name, unit string, values, cpu []float64) figure {
	return figure{
		Name: name, Unit: unit, Runs: len(values),
		Median: quantile(values, 0.5), P99: quantile(values, 0.99), CPU: quantile(cpu, 0.5),
	}
}
