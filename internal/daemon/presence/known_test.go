// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	known := Known{
		Names: []string{"app", "engine", "limavm", "hostinfo"},
		Groups: map[string][]string{
			"app": {"app"}, "lima": {"limavm"}, "rdd": {"hostinfo"},
		},
	}
	for list, want := range map[string]string{
		"*":                                "",
		"app":                              "",
		"app,app":                          "",
		"*,*":                              "",
		"*,-app":                           "",
		"-app,*":                           "",
		"lima,-limavm":                     "no controller is left of lima,-limavm",
		"lima,limavm":                      "",
		"":                                 "no controller is named, so that nobody would act; valid values: app, engine, limavm",
		"-app":                             "no controller is left: -app only leaves out; for all others: *,-app",
		"-app,-lima":                       "for all others: *,-app,-lima",
		"app,-app":                         `"app" is both named and left out`,
		"*,app,-app":                       `"app" is both named and left out`,
		"-lima,rdd,lima":                   `"lima" is both named and left out`,
		"*,-app,-engine,-limavm,-hostinfo": "no controller is left of *,-app",
		"*,-app,-engine,-lima,-rdd":        "no controller is left of *,-app",
		"bogus":                            `unknown controller "bogus"`,
		"-bogus":                           `unknown controller "bogus"`,
		"app,":                             `unknown controller ""`,
		"-":                                `unknown controller ""`,
		"-*":                               `unknown controller "*"`,
		"--app":                            `unknown controller "-app"`,
		"App":                              `unknown controller "App"`,
		"app, rdd":                         `unknown controller " rdd"`,
	} {
		entries := strings.Split(list, ",")
		if list == "" {
			entries = nil
		}
		err := known.Check(slices.Clone(entries))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", list, err, want)
		}
	}
}
