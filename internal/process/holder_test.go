// SPDX-License-Identifier: Apache-2.0

package process

import (
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/nc -l 7443": "nc",
		"qemu-system-x86_64 -name guest=dev,debug-threads=on -m 4G": "the virtual machine dev",
		"/usr/bin/rdd --instance 3 service serve --background":      `the daemon of instance "3"`,
		"/usr/bin/rdd --instance 3 limavm tunnel dev":               "rdd",
		"-name":           "-name",
		"program -name":   "program",
		"rdd --instance":  "rdd",
		"service service": "service",
	} {
		if got := describe(strings.Fields(line)); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}
