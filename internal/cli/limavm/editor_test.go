// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
)

var (
	errRefused  = errors.New("refused by the server")
	errConflict = errors.New("changed meanwhile")
)

// badLine is a validator that dislikes lines which begin with "bad".
func badLine(text string) error {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.HasPrefix(line, "bad") {
			return fmt.Errorf("line %d is bad\nlook at it", number)
		}
	}
	return nil
}

func TestEditing(t *testing.T) {
	const original = "# kept\none\n"
	for _, tt := range []struct {
		name string
		// script is run once for each time that the editor is opened, with the number of the time as $n.
		script string
		// answers of the server, in order; then it accepts.
		answers []error
		want    string
		err     string
		kept    bool
		opened  int
	}{
		{name: "no change", script: "true", opened: 1},
		{name: "emptied", script: `: >"$1"`, opened: 1},
		{name: "only the notes left", script: `sed -i '/^#rdd:/!d' "$1"`, opened: 1},
		{name: "changed", script: `sed -i s/one/two/ "$1"`, want: "# kept\ntwo\n", opened: 1},
		{name: "bad, then good", script: `[ $n = 1 ] && sed -i s/one/bad/ "$1" || sed -i s/bad/three/ "$1"`, want: "# kept\nthree\n", opened: 2},
		{name: "bad, then back", script: `[ $n = 1 ] && sed -i s/one/bad/ "$1" || sed -i s/bad/one/ "$1"`, opened: 2},
		{
			name: "bad, then the same", script: `sed -i s/one/bad/ "$1"`,
			err: "line 2 is bad\nlook at it\nNothing was changed; what you edited is in", kept: true, opened: 2,
		},
		{name: "bad, then given up", script: `[ $n = 1 ] && sed -i s/one/bad/ "$1" || : >"$1"`, opened: 2},
		{
			name: "refused, then accepted", script: `sed -i "s/^[a-z].*/try$n/" "$1"`, answers: []error{errRefused}, want: "# kept\ntry2\n",
			opened: 2,
		},
		{
			name: "a conflict", script: `sed -i s/one/two/ "$1"`, answers: []error{errConflict}, err: "changed meanwhile\nWhat you edited is in",
			kept: true, opened: 1,
		},
		{name: "the editor fails", script: `exit 3`, err: "running the editor", kept: true, opened: 1},
		{name: "the editor removes the file", script: `rm "$1"`, err: "reading what was edited", opened: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			script := filepath.Join(t.TempDir(), "editor")
			body := "n=$(cat " + script + ".n 2>/dev/null || echo 0); n=$((n+1)); echo $n >" + script + ".n\n" + tt.script + "\n"
			if err := os.WriteFile(script, []byte(body), 0o700); err != nil {
				t.Fatal(err)
			}
			answers, sent := tt.answers, ""
			e := &editing{
				Streams: session.Streams{
					Out: io.Discard, Err: io.Discard,
				}, editor: "sh " + script, name: "rdd-test", original: original, about: "About.",
				validate: badLine, refused: func(err error) bool { return errors.Is(err, errRefused) },
			}
			got, err := e.run(t.Context(), func(text string) error {
				if len(answers) > 0 {
					answer := answers[0]
					answers = answers[1:]
					return answer
				}
				sent = text
				return nil
			})
			if got != tt.want || sent != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %q, %v; sent %q", got, err, sent)
			}
			left, globErr := filepath.Glob(filepath.Join(dir, "*"))
			if globErr != nil || (len(left) > 0) != tt.kept {
				t.Errorf("files left: %v, %v", left, globErr)
			}
			opened, readErr := os.ReadFile(script + ".n")
			if strings.TrimSpace(string(opened)) != fmt.Sprint(tt.opened) {
				t.Errorf("the editor was opened %s times, want %d (%v)", opened, tt.opened, readErr)
			}
		})
	}
}

// TestHeaderCountsItself: the line that a fault names is the line in the file with the header.
func TestHeaderCountsItself(t *testing.T) {
	e := &editing{about: "About.", validate: badLine}
	text := "one\nbad\n"
	shown := e.header(text, badLine(text)) + text
	want := "#rdd: About.\n#rdd: It was not accepted:\n#rdd: line 6 is bad\n#rdd: look at it\none\nbad\n"
	if shown != want {
		t.Errorf("got\n%s\nwant\n%s", shown, want)
	}
	if got := withoutNotes(shown); got != text {
		t.Errorf("without the notes: %q", got)
	}
	if got := e.header(text, errRefused); !strings.Contains(got, "#rdd: refused by the server\n") {
		t.Errorf("got %q", got)
	}
}

func TestEditor(t *testing.T) {
	t.Setenv("VISUAL", " ")
	t.Setenv("EDITOR", "ed -s")
	if got, err := editor(); got != "ed -s" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	t.Setenv("VISUAL", "vis")
	if got, err := editor(); got != "vis" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	t.Setenv("VISUAL", "")
	t.Setenv("EDITOR", "")
	t.Setenv("PATH", t.TempDir())
	if got, err := editor(); err == nil && got != "vi" {
		t.Errorf("got %q, %v", got, err)
	}
}
