// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"fmt"
	"time"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// rateWindow is the time over which a download's rate is averaged, and the shortest time between
// two reports.
const rateWindow = time.Second

// meter reports the progress of a transfer: "downloading image" 42 %, "210 of 500 MB, 12 MB/s".
type meter struct {
	listen func(image.Progress)
	now    func() time.Time

	progress image.Progress
	total    int64 // -1: unknown
	done     int64

	last     time.Time
	lastDone int64
}

func newMeter(listen func(image.Progress)) *meter {
	if listen == nil {
		listen = func(image.Progress) {}
	}
	return &meter{listen: listen, now: time.Now}
}

// step begins a new step, the index-th of count.
func (m *meter) step(step string, index, count int) {
	now := m.now()
	m.progress = image.Progress{Step: step, Percent: -1, Since: now}
	if count > 1 {
		m.progress.Index, m.progress.Total = index, count
	}
	m.total, m.done, m.last, m.lastDone = -1, 0, now, 0
	m.listen(m.progress)
}

// rename changes the name of the current step.
func (m *meter) rename(step string) {
	if step != m.progress.Step {
		m.progress.Step, m.progress.Since = step, m.now()
	}
}

// begin starts the count: done of total bytes have been transferred already.
func (m *meter) begin(done, total int64) {
	m.done, m.total, m.lastDone, m.last = done, total, done, m.now()
	m.report(0)
}

// Write counts bytes.
func (m *meter) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	if since := m.now().Sub(m.last); since >= rateWindow {
		m.report(float64(m.done-m.lastDone) / since.Seconds())
		m.last, m.lastDone = m.now(), m.done
	}
	return len(p), nil
}

// report reports the progress, at a rate in bytes per second; 0: the rate is not known.
func (m *meter) report(rate float64) {
	next := m.progress
	next.Detail = image.Megabytes(m.done)
	if m.total > 0 {
		next.Percent = int(100 * min(m.done, m.total) / m.total)
		next.Detail = fmt.Sprintf("%d of %s", m.done/1e6, image.Megabytes(m.total))
	}
	if rate > 0 {
		next.Detail += fmt.Sprintf(", %s/s", image.Megabytes(int64(rate)))
	}
	if next != m.progress {
		m.progress = next
		m.listen(next)
	}
}
