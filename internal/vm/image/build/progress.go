// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"regexp"
	"strconv"
	"time"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// steps of a build, in order, with the percentage of the whole at which each ends. The percentages
// are those of the time that steps took in one measured build.
var steps = []struct {
	name string
	end  int
}{
	{"downloading packages", 30},
	{"installing packages", 80},
	{"writing the file system", 90},
	{"converting the disk", 96},
	{"making kernel and initrd", 100},
}

const (
	stepDownload = iota
	stepInstall
	stepFileSystem
	stepConvert
	stepKernel
)

// reporter passes progress to a listener, once for each change.
type reporter struct {
	listen func(image.Progress)
	name   string
	last   image.Progress
}

func newReporter(name string, listen func(image.Progress)) *reporter {
	if listen == nil {
		listen = func(image.Progress) {}
	}
	return &reporter{listen: listen, name: name}
}

// at reports that done of total (0 when unknown) of a step is done. Steps and percentages never go
// back.
func (r *reporter) at(step, done, total int) {
	start := 0
	if step > 0 {
		start = steps[step-1].end
	}
	percent := start
	if total > 0 {
		percent += (steps[step].end - start) * min(done, total) / total
	}
	next := image.Progress{Step: "building image " + r.name + ": " + steps[step].name, Index: step + 1, Total: len(steps), Percent: percent}
	r.publish(next)
}

// publish passes progress on unless it would go back or change nothing.
func (r *reporter) publish(next image.Progress) {
	next.Since = r.last.Since
	if next.Step != r.last.Step {
		next.Since = time.Now()
	} else if next.Percent <= r.last.Percent {
		return
	}
	if next.Index < r.last.Index {
		return
	}
	r.last = next
	r.listen(next)
}

// packageMeter follows the output of `mmdebstrap --verbose`, that is of apt and dpkg, and
// reports the share of packages that are downloaded and installed. It is an io.Writer.
type packageMeter struct {
	report *reporter
	line   []byte
	// Those of the current run of apt-get. There are two: essential packages, then all others.
	fetched, announced int
	// Those of all runs: packages announced, unpacked and set up.
	total, unpacked, configured int
}

var (
	announcement = regexp.MustCompile(`^\d+ upgraded, (\d+) newly installed`)
	fetchedLine  = regexp.MustCompile(`^Get:(\d+) `)
	unpackedLine = regexp.MustCompile(`^Unpacking `)
	setUpLine    = regexp.MustCompile(`^Setting up `)
)

// Write takes output in pieces of any size.
func (m *packageMeter) Write(p []byte) (int, error) {
	m.line = append(m.line, p...)
	for {
		end := bytes.IndexByte(m.line, '\n')
		if end < 0 {
			return len(p), nil
		}
		m.read(m.line[:end])
		m.line = m.line[end+1:]
	}
}

// essentialShare is about how many packages the first of the two runs has. The number of the second
// run's is not known before that begins.
const essentialShare = 60

// read counts by one line of output.
func (m *packageMeter) read(line []byte) {
	if match := announcement.FindSubmatch(line); match != nil {
		m.announced, _ = strconv.Atoi(string(match[1])) // the pattern admits digits only
		m.total += m.announced
		return
	}
	if match := fetchedLine.FindSubmatch(line); match != nil && m.unpacked == 0 {
		m.fetched, _ = strconv.Atoi(string(match[1]))
		m.report.at(stepDownload, m.fetched, max(m.announced, essentialShare))
		return
	}
	switch {
	case unpackedLine.Match(line):
		m.unpacked++
	case setUpLine.Match(line):
		m.configured++
	default:
		return
	}
	m.report.at(stepInstall, m.unpacked+m.configured, 2*max(m.total, 140))
}
