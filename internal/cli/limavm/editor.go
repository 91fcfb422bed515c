// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/regular"
)

// note begins the lines that are added on top of the text in the editor and removed again.
const note = "#rdd: "

// editor returns the command line of the user's editor. The error says how to set one.
func editor() (string, error) {
	for _, variable := range []string{"VISUAL", "EDITOR"} {
		if command := strings.TrimSpace(os.Getenv(variable)); command != "" {
			return command, nil
		}
	}
	if _, err := process.LookPath("vi"); err != nil {
		return "", errors.New("there is no editor: set VISUAL or EDITOR to the command of yours")
	}
	return "vi", nil
}

// editing has a text edited until it is valid and accepted, or the user gives up.
type editing struct {
	session.Streams
	// editor is a command line for the shell; the file is appended as its last argument.
	editor string
	// name is the beginning of the file's name.
	name string
	// original is the text to edit. about is a line above it that says what it is.
	original, about string
	validate        func(text string) error
	// refused reports whether an error is a refusal of the text, which is then edited again.
	refused func(error) bool
}

// run returns the text that send has accepted; empty when nothing was changed. Unless the text was
// accepted or is unchanged, the file stays and the error names it.
func (e *editing) run(ctx context.Context, send func(text string) error) (text string, err error) {
	file, err := e.open()
	if err != nil {
		return "", err
	}
	keep := false
	defer func() {
		if !keep {
			err = errors.Join(err, atomicfile.Remove(file))
		}
	}()
	var fault error
	for last := e.original; ; last = text {
		text, err = e.edit(ctx, file, last, fault)
		switch {
		case err != nil:
			keep = true
			return "", fmt.Errorf("%w\nWhat you edited is in %s", err, file)
		case strings.TrimSpace(text) == "" || text == e.original:
			fmt.Fprintln(e.Out, "Nothing was changed.")
			return "", nil
		case text == last:
			keep = true
			return "", fmt.Errorf("%w\nNothing was changed; what you edited is in %s", fault, file)
		}
		if fault = e.validate(text); fault != nil {
			continue
		}
		fault = send(text)
		switch {
		case fault == nil:
			return text, nil
		case !e.refused(fault):
			keep = true
			return "", fmt.Errorf("%w\nWhat you edited is in %s", fault, file)
		}
	}
}

// open creates the file to edit, which only its owner can read.
func (e *editing) open() (string, error) {
	f, err := os.CreateTemp("", e.name+"-*.yaml")
	if err != nil {
		return "", fmt.Errorf("making the file to edit: %w", err)
	}
	return f.Name(), f.Close()
}

// edit opens the editor on the text below a header, and returns the edited text without the header.
func (e *editing) edit(ctx context.Context, file, text string, fault error) (string, error) {
	if err := os.WriteFile(file, []byte(e.header(text, fault)+text), 0o600); err != nil {
		return "", fmt.Errorf("writing the file to edit: %w", err)
	}
	shell, err := process.LookPath("sh")
	if err != nil {
		return "", fmt.Errorf("running the editor: %w", err)
	}
	streams := e.Raw() // the editor draws on the terminal
	// As git and kubectl do: the variable may hold arguments.
	command := process.Command{
		Path: shell, Args: []string{"-c", e.editor + ` "$@"`, e.editor, file}, Stdin: streams.In, Stdout: streams.Out, Stderr: streams.Err,
	}
	if err := process.Run(ctx, command); err != nil {
		return "", fmt.Errorf("running the editor %q: %w", e.editor, err)
	}
	data, err := regular.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading what was edited: %w", err)
	}
	return withoutNotes(string(data)), nil
}

// header says what is edited and what is wrong with it. Line numbers in a fault count the header's
// lines too, as the editor does. For that the text is validated again below as many lines.
func (e *editing) header(text string, fault error) string {
	lines := []string{e.about}
	if fault == nil {
		return notes(lines)
	}
	lines = append(lines, "It was not accepted:")
	faultLines := strings.Split(fault.Error(), "\n")
	above := strings.Repeat("#\n", len(lines)+len(faultLines))
	if moved := e.validate(above + text); moved != nil {
		if movedLines := strings.Split(moved.Error(), "\n"); len(movedLines) == len(faultLines) {
			faultLines = movedLines
		}
	}
	return notes(append(lines, faultLines...))
}

func notes(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(note + line + "\n")
	}
	return b.String()
}

func withoutNotes(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, strings.TrimSpace(note)) {
			b.WriteString(line)
		}
	}
	return b.String()
}
