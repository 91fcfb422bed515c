// SPDX-License-Identifier: Apache-2.0

package session

import (
	"io"
	"strings"
	"testing"
)

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{
		"y\n": true, "Yes\n": true, "y": true, "\n": false, "n\n": false, "": false, "yesterday\n": false,
	} {
		if got := readYes(t.Context(), strings.NewReader(answer)) == nil; got != want {
			t.Errorf("%q: goes on %t, want %t", answer, got, want)
		}
	}
	r := &Session{Streams: Streams{In: strings.NewReader("y\n"), Err: io.Discard}}
	err := r.Confirm(t.Context(), "It is lost", false)
	if err == nil || !strings.Contains(err.Error(), "It is lost; to do it without being asked: --yes") {
		t.Errorf("without a terminal: %v", err)
	}
	if err := r.Confirm(t.Context(), "It is lost", true); err != nil {
		t.Error(err)
	}
}
