// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPlainProgressWritesLinesPerStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out)
		p.show("building image 1/5 … 1%")
		for _, text := range []string{"building image 1/5 … 1%", "building image 1/5 … 2%", "building image 2/5 … 30%", ""} {
			p.show(text)
		}
		time.Sleep(plainInterval)
		p.show("building image 3/5 … 50%")
		p.show("booting")
		p.end()
		want := "building image 1/5 … 1%\nbuilding image 3/5 … 50%\nbooting\n"
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}

func TestLiveProgressStaysOnOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out)
		p.live, p.columns = true, func() int { return 20 }
		p.show("booting")
		time.Sleep(3500 * time.Millisecond)
		p.show("a message that is longer than the line")
		p.end()
		p.end()
		text := out.String()
		if strings.Contains(text, "\n") {
			t.Errorf("a line feed in %q", text)
		}
		for _, want := range []string{"\r\x1b[Kbooting", "booting 3 s", "a message that is …", "…\r\x1b[K"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %q", want, text)
			}
		}
		for _, line := range strings.Split(text, "\r\x1b[K") {
			if n := len([]rune(line)); n > 19 {
				t.Errorf("%q has %d columns", line, n)
			}
		}
	})
}
