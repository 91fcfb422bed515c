// SPDX-License-Identifier: Apache-2.0

//go:build linux

package sftp_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/sftp"
)

// raw sends packets as they are.
type raw struct {
	t   *testing.T
	in  io.Writer
	out io.Reader
}

func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func long(n uint64) []byte   { return binary.BigEndian.AppendUint64(nil, n) }
func text(s string) []byte   { return append(number(uint32(len(s))), s...) }
func handle(n uint32) []byte { return append(number(4), number(n)...) }

// packet is a request with the id 1.
func packet(kind byte, fields ...[]byte) []byte {
	body := append([]byte{kind}, number(1)...)
	for _, field := range fields {
		body = append(body, field...)
	}
	return append(number(uint32(len(body))), body...)
}

// ask sends a packet and returns the type of the answer and what follows its id.
func (r raw) ask(request []byte) (kind byte, rest []byte) {
	r.t.Helper()
	if _, err := r.in.Write(request); err != nil {
		r.t.Fatal(err)
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(r.out, head); err != nil {
		r.t.Fatal(err)
	}
	answer := make([]byte, binary.BigEndian.Uint32(head))
	if _, err := io.ReadFull(r.out, answer); err != nil {
		r.t.Fatal(err)
	}
	return answer[0], answer[5:]
}

// expect sends a request and checks the type of the answer. A status has to be OK.
func (r raw) expect(kind, want byte, fields ...[]byte) {
	r.t.Helper()
	got, rest := r.ask(packet(kind, fields...))
	if got != want || want == 101 && !bytes.HasPrefix(rest, number(0)) {
		r.t.Errorf("type %d: the answer is of type %d: %q", kind, got, rest)
	}
}

func (r raw) greet() {
	r.t.Helper()
	if kind, _ := r.ask(append(number(5), 1, 0, 0, 0, 3)); kind != 2 {
		r.t.Fatalf("the answer to the version is of type %d", kind)
	}
}

// TestMalformedRequests are answered by a status, and the session goes on.
func TestMalformedRequests(t *testing.T) {
	dir := t.TempDir()
	in, out, _ := serve(t, dir, sftp.Config{})
	r := raw{t, in, out}
	r.greet()
	for kind := range 256 {
		if kind == 1 {
			continue
		}
		for _, fields := range [][]byte{nil, number(1 << 30), text("x"), append(text("missing"), 1, 2), handle(7), text("\x00/../a")} {
			got, rest := r.ask(packet(byte(kind), fields))
			if got != 101 && got != 104 && got != 105 || got == 101 && bytes.HasPrefix(rest, number(0)) {
				t.Errorf("type %d with %q: %d %q", kind, fields, got, rest)
			}
		}
	}
	r.expect(17, 105, text("/"))
}

// TestLimits: what is too much ends the session, or is refused, and takes no memory.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, request := range map[string][]byte{"empty": number(0), "large": number(1 << 31), "short": {0, 0, 0, 9, 3}} {
		if err := sftp.Serve(dir, sftp.Config{}, bytes.NewReader(request), io.Discard); err == nil {
			t.Errorf("%s: the session went on", name)
		}
	}
	in, out, _ := serve(t, dir, sftp.Config{})
	r := raw{t, in, out}
	r.greet()
	r.expect(3, 102, text("f"), number(1), number(0))
	if kind, rest := r.ask(packet(5, handle(0), long(0), number(1<<31-1))); kind != 103 || len(rest) > 256<<10+4 {
		t.Errorf("a large read: type %d, %d bytes", kind, len(rest))
	}
	if kind, rest := r.ask(packet(5, handle(0), long(1<<20), number(9))); kind != 101 || !bytes.HasPrefix(rest, number(1)) {
		t.Errorf("a read at the end: type %d, %q", kind, rest)
	}
	if kind, rest := r.ask(packet(5, handle(0), long(1<<63), number(9))); kind != 101 {
		t.Errorf("a read before the beginning: type %d, %q", kind, rest)
	}
	// limits@openssh.com says how many may be open: as many as descriptors, or fewer.
	opened := 0
	for ; opened < 20_000; opened++ {
		if kind, _ := r.ask(packet(3, text("f"), number(1), number(0))); kind != 102 {
			break
		}
	}
	if opened == 20_000 {
		t.Error("there is no limit of open files")
	}
	r.expect(4, 101, handle(0))
	r.expect(3, 102, text("f"), number(1), number(0))
	r.expect(200, 201, text("limits@openssh.com"))
}

func TestLongNames(t *testing.T) {
	in, out, _ := serve(t, t.TempDir(), sftp.Config{})
	r := raw{t, in, out}
	r.greet()
	for _, name := range []string{strings.Repeat("x", 300), strings.Repeat("x/", 10_000), strings.Repeat("../", 10_000) + "y"} {
		if kind, _ := r.ask(packet(3, text(name), number(2|8), number(0))); kind != 101 && !strings.HasSuffix(name, "y") {
			t.Errorf("%d characters: type %d", len(name), kind)
		}
	}
}
