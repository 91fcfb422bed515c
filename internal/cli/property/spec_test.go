// SPDX-License-Identifier: Apache-2.0

package property

import (
	"reflect"
	"testing"
)

func TestNew(t *testing.T) {
	settings := []Setting{{"a.b", int64(1)}, {"a.c", nil}, {"d", nil}}
	if got, want := New(settings), map[string]any{"a": map[string]any{"b": int64(1)}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(settings) != 3 || settings[1].Name != "a.c" {
		t.Errorf("the settings were changed: %v", settings)
	}
}

func TestCompare(t *testing.T) {
	before := map[string]any{"same": "x", "gone": int64(1), "machine": map[string]any{"cpus": int64(2), "list": []any{"a"}}}
	after := map[string]any{"same": "x", "new": false, "machine": map[string]any{"cpus": int64(4), "list": []any{"a"}}}
	want := []Difference{{"gone", int64(1), nil}, {"machine.cpus", int64(2), int64(4)}, {"new", nil, false}}
	if got := Compare(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Compare(nil, map[string]any{"a": "b"}); !reflect.DeepEqual(got, []Difference{{"a", nil, "b"}}) {
		t.Errorf("from nothing: %v", got)
	}
	if got := Compare(before, before); got == nil || len(got) != 0 {
		t.Errorf("of the same: %#v", got)
	}
	for name, want := range map[string]any{"same": "x", "machine.cpus": int64(2), "machine.none": nil, "none.cpus": nil, "same.x": nil} {
		if got := Value(before, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestShow(t *testing.T) {
	for want, value := range map[string]any{
		"-": nil, "text": "text", "4": int64(4), "true": true, `[{"a":1}]`: []any{map[string]any{"a": int64(1)}},
	} {
		if got := Show(value); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
