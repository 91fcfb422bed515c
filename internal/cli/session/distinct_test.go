// SPDX-License-Identifier: Apache-2.0

package session

import (
	"slices"
	"testing"
)

func TestDistinct(t *testing.T) {
	if got := Distinct([]string{"b", "a", "b", "", "a"}); !slices.Equal(got, []string{"b", "a", ""}) {
		t.Errorf("got %q", got)
	}
}
