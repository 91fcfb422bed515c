// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"rancherdesktop.io/rdd/internal/bounded"
)

// maxEvent is the longest line of an event, in bytes.
const maxEvent = 1 << 20

// ReadEvents reads event lines: ha.stdout.log, or the response to EventsPath. The file holds the
// events of the machine's last start, hostagents that adopted it included, in the order in which
// they happened:
//
//   - one whenever the machine enters another phase or step; Phase is one of vm.Phase, and
//     Progress.Since when the step began, so that the time between two events is how long the
//     earlier one took;
//   - one for each change of a forward: Status.PortForward;
//   - at the end of the machine one with Status.Exiting, and with Status.Errors and Status.Fault
//     when the end was not requested. It is missing when the hostagent was killed.
//
// A line that cannot be understood is left out and reported in the error, which is returned
// together with the events of all other lines. A last line that was not written completely is left
// out silently.
func ReadEvents(r io.Reader) ([]Event, error) {
	var events []Event
	var errs []error
	number := 0
	lines := &bounded.Lines{
		Limit: maxEvent,
		Take: func(line string) {
			if number++; strings.TrimSpace(line) == "" {
				return
			}
			var e Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				errs = append(errs, fmt.Errorf("line %d of the events cannot be understood: %w", number, err))
				return
			}
			events = append(events, e)
		},
		Skipped: func() {
			number++
			errs = append(errs, fmt.Errorf("line %d of the events cannot be understood: %w", number, bounded.ErrTooLong))
		},
	}
	if _, err := io.Copy(lines, r); err != nil {
		errs = append(errs, fmt.Errorf("reading events: %w", err))
	}
	return events, errors.Join(errs...)
}
