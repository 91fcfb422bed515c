// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

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
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events, errors.Join(errs...)
		}
		if err != nil {
			return events, errors.Join(append(errs, fmt.Errorf("reading events: %w", err))...)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			errs = append(errs, fmt.Errorf("line %d of the events cannot be understood: %w", number, err))
			continue
		}
		events = append(events, e)
	}
}
