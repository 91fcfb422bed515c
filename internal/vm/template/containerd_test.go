// SPDX-License-Identifier: Apache-2.0

package template

import "testing"

func TestLoadTakesContainerd(t *testing.T) {
	got, err := Load([]byte(minimal+"containerd: {system: true, user: false, archives: []}\n"), nil, testHost)
	if err != nil || !got.Containerd.System {
		t.Fatalf("%+v, %v", got, err)
	}
	roundTrip(t, got)
}
