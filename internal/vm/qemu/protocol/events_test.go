// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const booting = `{"time":"2026-01-02T03:04:05Z","status":{"sshLocalPort":2222},"phase":"Starting","progress":{"step":"booting",` +
	`"since":"2026-01-02T03:04:05Z"}}`

func TestReadEvents(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       int
		err        string
	}{
		{"nothing", "", 0, ""},
		{"one", booting + "\n", 1, ""},
		{"a torn last line", booting + "\n" + booting[:40], 1, ""},
		{"only a torn line", booting[:40], 0, ""},
		{"blank lines", "\n" + booting + "\r\n\n", 1, ""},
		{"a bad line in the middle", booting + "\nnonsense\n" + booting + "\n", 2, "line 2"},
		{"two writers after a kill", booting + "\n" + booting[:40] + booting + "\n" + booting + "\n", 2, "line 2"},
		{"fields of a newer hostagent", `{"time":"2026-01-02T03:04:05Z","status":{"new":{}},"newer":[1]}` + "\n", 1, ""},
		{"another type", `{"phase":1}` + "\n", 0, "line 1"},
	} {
		events, err := ReadEvents(strings.NewReader(tc.text))
		if len(events) != tc.want || (err == nil) != (tc.err == "") || (err != nil && !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: %d events, %v", tc.name, len(events), err)
		}
	}
}

func TestReadEventsKeepsWhatItHas(t *testing.T) {
	broken := errors.New("broken")
	events, err := ReadEvents(io.MultiReader(strings.NewReader(booting+"\n"), iotest.ErrReader(broken)))
	if len(events) != 1 || !errors.Is(err, broken) {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if e := events[0]; e.Phase != "Starting" || e.Progress.Step != "booting" || e.Status.SSHLocalPort != 2222 || e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add(booting + "\n")
	f.Add(booting + "\n{")
	f.Add("[]\nnull\n\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		events, _ := ReadEvents(strings.NewReader(text))
		for _, e := range events {
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("an event that cannot be written: %+v: %v", e, err)
			}
		}
	})
}
