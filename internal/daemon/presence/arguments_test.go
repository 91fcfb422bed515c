// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"os"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/instance"
)

func TestSelect(t *testing.T) {
	known := Known{
		Names:  []string{"app", "limavm", "engine"},
		Groups: map[string][]string{"app": {"app"}, "lima": {"limavm"}, "machines": {"engine", "limavm"}},
	}
	for list, want := range map[string]string{
		"*":            "app limavm engine",
		"":             "",
		"limavm,app":   "app limavm",
		"*,-app":       "limavm engine",
		"-app,*":       "limavm engine",
		"app,-app":     "",
		"-app":         "",
		"*,-app,app":   "app limavm engine",
		"*,*,-limavm":  "app engine",
		"limavm,-app":  "limavm",
		"app,app,-foo": "error",
		"App":          "error",
		"**":           "error",
		"-*":           "error",

		"lima":             "limavm",
		"lima,app":         "app limavm",
		"*,-machines":      "app",
		"-machines,*":      "app",
		"machines,-lima":   "engine",
		"machines,-engine": "limavm",
		"-lima,machines":   "limavm engine",
		"lima.":            "error",
		"LIMA":             "error",
	} {
		got, err := known.Select(strings.FieldsFunc(list, func(r rune) bool { return r == ',' }))
		if err != nil {
			got = []string{"error"}
			if !strings.Contains(err.Error(), `valid values: app, limavm, engine, lima, machines, and "*" for all`) {
				t.Errorf("Select(%q): the error lists no valid names: %v", list, err)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("Select(%q) = %v, want %q", list, got, want)
		}
	}
}

func TestArguments(t *testing.T) {
	inst := instance.Instance{Dir: t.TempDir()}
	loaded, exists, err := LoadArguments(inst)
	if err != nil || exists || !loaded.Equal(DefaultArguments()) {
		t.Errorf("without a file: %v, %t: %v", loaded, exists, err)
	}
	saved := Arguments{Controllers: []string{"limavm"}, SecurePort: 7443, Verbosity: 2, LogFormat: "json"}
	if err := saved.Save(inst); err != nil {
		t.Fatal(err)
	}
	loaded, exists, err = LoadArguments(inst)
	if err != nil || !exists || !loaded.Equal(saved) || loaded.Equal(DefaultArguments()) {
		t.Errorf("saved %v, loaded %v, %t: %v", saved, loaded, exists, err)
	}
	if loaded.Verbosity != 2 || loaded.LogFormat != "json" {
		t.Errorf("what the daemon logs is %d as %q", loaded.Verbosity, loaded.LogFormat)
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(inst.ArgsFile(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, content := range []string{"", "{", "[]", "\x00", `{"controllers": "limavm"}`, `{"securePort": "x"}`} {
		write(content)
		if _, _, err := LoadArguments(inst); err == nil || !strings.Contains(err.Error(), inst.ArgsFile()) {
			t.Errorf("a file that holds %q: %v", content, err)
		}
	}
	if err := NoteStore(inst, true); err == nil {
		t.Error("a note was made in arguments that cannot be read")
	}
	write("{}") // the way out that the error names
	if loaded, exists, err := LoadArguments(inst); err != nil || !exists || !loaded.Equal(DefaultArguments()) {
		t.Errorf("an empty object is %v, %t: %v", loaded, exists, err)
	}
}

// TestNoteStore keeps the arguments, and creates no instance.
func TestNoteStore(t *testing.T) {
	inst := instance.Instance{Dir: t.TempDir()}
	if err := NoteStore(inst, true); err != nil {
		t.Fatal(err)
	}
	if exists, err := Exists(inst); exists || err != nil {
		t.Errorf("the instance was created: %v", err)
	}
	saved := Arguments{Controllers: []string{"limavm"}, SecurePort: 7443, Verbosity: 2, LogFormat: "json"}
	if err := saved.Save(inst); err != nil {
		t.Fatal(err)
	}
	if loaded, _, err := LoadArguments(inst); err != nil || loaded.StoreMade != nil {
		t.Errorf("nothing was noted, and found is %v, %v", loaded.StoreMade, err)
	}
	for _, made := range []bool{true, true, false} {
		if err := NoteStore(inst, made); err != nil {
			t.Fatal(err)
		}
		loaded, _, err := LoadArguments(inst)
		if err != nil || loaded.StoreMade == nil || *loaded.StoreMade != made || !loaded.Equal(saved) {
			t.Errorf("noted %t, found %+v, %v", made, loaded, err)
		}
	}
}
