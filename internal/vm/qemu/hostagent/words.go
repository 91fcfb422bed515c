// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

const (
	// lastLines of a log that an error carries, and how far back they are looked for.
	lastLines = 8
	tailBytes = 16 << 10
)

// troubles are lines by which the image tells the console that ssh will never answer.
var troubles = []string{"rdd: the boot script failed", "rdd-initrd: "}

// lastWords returns what QEMU and the guest's console said last.
func (a *agent) lastWords() string {
	return fmt.Sprintf("QEMU's last words: %s; the console's: %s", tail(a.Dir.QEMULog(), lastLines), tail(a.Dir.Serial(), lastLines))
}

// bootTrouble returns what the image says on the console about a boot that failed; empty when it says nothing.
func (a *agent) bootTrouble() string {
	console := tail(a.Dir.Serial(), 1000)
	for _, trouble := range troubles {
		if _, rest, found := strings.Cut(console, trouble); found {
			return fmt.Sprintf("%.4000s", trouble+rest)
		}
	}
	return ""
}

// tail returns the last lines of a file that hold something, without control characters; "(none)" when there are none.
func tail(path string, lines int) string {
	all := strings.FieldsFunc(printable(readEnd(path)), func(r rune) bool { return r == '\n' })
	if len(all) == 0 {
		return "(none)"
	}
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func readEnd(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || info.Size() > tailBytes {
		if _, err := f.Seek(-tailBytes, io.SeekEnd); err != nil {
			return ""
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, tailBytes))
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(data), "")
}

// escapes are what consoles write to terminals (ECMA-48): control sequences, strings, and single letters.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])`)

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < ' ' || r == 0x7f) {
			return -1
		}
		return r
	}, escapes.ReplaceAllString(s, ""))
}
