// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"strings"
	"testing"
)

func TestInstanceMisplaced(t *testing.T) {
	for args, want := range map[string]bool{
		"":                                      false,
		"get app":                               false,
		"--instance 3 get app":                  true,
		"--instance=3 anything":                 true,
		"get app --instance 3":                  true,
		"get --instance=3 app":                  true,
		"-n default get app --instance=3":       true,
		"config view --instance 3":              true,
		"-v 6 get app --instance 3":             true,
		"--log-level debug get --instance 3":    true,
		"wait-condition app/app X --instance 3": true,

		"plugged --instance 3":                             false, // a plugin's own
		"create plugged --instance 3":                      false, // kubectl-create-plugged's
		"exec pod -- serve --instance 3":                   false,
		"get app -l --instance":                            false, // a value
		"config set-credentials u --exec-arg --instance=3": false,
		"get app --instances":                              false,
		"get app -o instance":                              false,
	} {
		if got := instanceMisplaced(strings.Fields(args)); got != want {
			t.Errorf("%s: %t, want %t", args, got, want)
		}
	}
}
