// SPDX-License-Identifier: Apache-2.0

package session

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"rancherdesktop.io/rdd/internal/textfile"
)

// Streams are the standard streams of a command. Results go to Out; errors, questions and progress
// go to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// StandardStreams returns the streams of this process. What goes to a terminal is cleaned of
// everything that would change it: names, messages and logs may be a guest's. What goes elsewhere
// is data and stays as it is.
func StandardStreams() Streams {
	return Streams{In: os.Stdin, Out: cleaned(os.Stdout), Err: cleaned(os.Stderr)}
}

// Raw returns the streams as they were given to this process, for programs of the user's own that
// draw on the terminal: a shell, an editor, kubectl.
func (s Streams) Raw() Streams { return Streams{In: s.In, Out: raw(s.Out), Err: raw(s.Err)} }

// terminalWriter writes to a terminal what is harmless there.
type terminalWriter struct {
	file *os.File

	mu    sync.Mutex
	clean textfile.PrintableWriter
}

func cleaned(file *os.File) io.Writer {
	if !term.IsTerminal(int(file.Fd())) {
		return file
	}
	return &terminalWriter{file: file, clean: textfile.PrintableWriter{Out: file}}
}

// Write implements io.Writer.
func (w *terminalWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clean.Write(p)
}

func raw(w io.Writer) io.Writer {
	if t, ok := w.(*terminalWriter); ok {
		return t.file
	}
	return w
}

// Terminal returns the terminal behind a stream; nil when it is none.
func Terminal(stream any) *os.File {
	if t, ok := stream.(*terminalWriter); ok {
		return t.file
	}
	if file, ok := stream.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}
