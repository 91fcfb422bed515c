// SPDX-License-Identifier: Apache-2.0

package session

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
		p := NewProgress(&out)
		p.Show("building image 1/5 … 1%")
		for _, text := range []string{"building image 1/5 … 1%", "building image 1/5 … 2%", "building image 2/5 … 30%", ""} {
			p.Show(text)
		}
		time.Sleep(plainInterval)
		p.Show("building image 3/5 … 50%")
		p.Show("booting")
		p.End()
		want := "building image 1/5 … 1%\nbuilding image 3/5 … 50%\nbooting\n"
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}

func TestLiveProgressStaysOnOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out)
		p.live, p.columns = true, func() int { return 20 }
		p.Show("booting")
		time.Sleep(3500 * time.Millisecond)
		p.Show("a message that is longer than the line")
		p.End()
		p.End()
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

// TestLiveProgressOfAHostileText: what is shown may be a guest's. Only Progress itself moves the
// cursor.
func TestLiveProgressOfAHostileText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out)
		p.live, p.columns = true, func() int { return 80 }
		p.Show("boot\x1b[2Jing\x1b]0;title\x07\non \u202etwo\tlines")
		p.End()
		if want := "\r\x1b[Kbooting on two lines\r\x1b[K"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}
