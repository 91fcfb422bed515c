// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"rancherdesktop.io/rdd/internal/textfile"
)

const (
	// liveInterval is the time between two updates of the live line's elapsed time.
	liveInterval = time.Second
	// plainInterval is the shortest time between two plain lines that differ in a number only.
	plainInterval = 10 * time.Second
)

// lineBreaks of a text that is shown on one line.
var lineBreaks = strings.NewReplacer("\n", " ", "\t", " ")

var digits = regexp.MustCompile(`[0-9]+`)

// Progress shows what a command waits for. On a terminal it is one line that changes in place;
// otherwise it is a line for each step. It is safe for use by several goroutines.
type Progress struct {
	out  io.Writer
	live bool
	// columns returns the terminal's width.
	columns func() int
	now     func() time.Time

	mu sync.Mutex
	// text is what is shown, and step is text without its numbers. since is when step began, printed
	// when a plain line was last written.
	text, step     string
	since, printed time.Time
	stop           chan struct{}
	stopped        chan struct{}
}

// NewProgress returns a Progress on out. Its line is live when out is a terminal that can move its
// cursor.
func NewProgress(out io.Writer) *Progress {
	p := &Progress{out: out, now: time.Now, columns: func() int { return 80 }}
	if f := Terminal(out); f != nil && os.Getenv("TERM") != "dumb" {
		// The live line moves the cursor, so it cleans its text itself.
		p.live, p.out = true, f
		p.columns = func() int {
			columns, _, err := term.GetSize(int(f.Fd()))
			if err != nil || columns < 1 {
				return 80
			}
			return columns
		}
	}
	return p
}

// Show shows text as what is being waited for. Empty text changes nothing.
func (p *Progress) Show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == "" || text == p.text {
		return
	}
	now, step := p.now(), digits.ReplaceAllString(text, "")
	next := step != p.step
	if next {
		p.step, p.since = step, now
	}
	p.text = text
	switch {
	case p.live:
		p.begin()
		p.draw()
	case next || now.Sub(p.printed) >= plainInterval:
		p.printed = now
		fmt.Fprintln(p.out, text)
	}
}

// begin starts the updates of the live line, unless they run already.
func (p *Progress) begin() {
	if p.stop != nil {
		return
	}
	p.stop, p.stopped = make(chan struct{}), make(chan struct{})
	go p.tick(p.stop, p.stopped)
}

func (p *Progress) tick(stop <-chan struct{}, stopped chan<- struct{}) {
	defer close(stopped)
	ticker := time.NewTicker(liveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// draw writes the live line over itself, cut to the terminal's width.
func (p *Progress) draw() {
	elapsed := ""
	if seconds := int(p.now().Sub(p.since).Seconds()); seconds > 0 {
		elapsed = fmt.Sprintf(" %d s", seconds)
	}
	line := []rune(lineBreaks.Replace(textfile.Printable(p.text)))
	if room := p.columns() - 1 - len(elapsed); len(line) > room && room > 1 {
		line = append(line[:room-1], '…')
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s%s", string(line), elapsed)
}

// End removes the live line. Show may be called again afterwards.
func (p *Progress) End() {
	p.mu.Lock()
	stop, stopped := p.stop, p.stopped
	p.stop, p.text, p.step = nil, "", ""
	p.mu.Unlock()
	if stop == nil {
		return
	}
	close(stop)
	<-stopped
	fmt.Fprint(p.out, "\r\x1b[K")
}
