// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"encoding/json"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// End is how a machine ended. Fault is nil when it was asked to.
type End struct {
	At        time.Time
	Operation vm.Operation
	Fault     *vm.Fault
}

// endRecord is End in run.json. A hostagent outlives upgrades of rdd, so the daemon that reads what
// it wrote may be older or newer. The text has stayed where older daemons read it; the rest of the
// fault is beside it.
type endRecord struct {
	At        time.Time    `json:"at"`
	Operation vm.Operation `json:"operation,omitempty"`
	Failure   string       `json:"failure,omitempty"`
	Fault     *vm.Fault    `json:"fault,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (e End) MarshalJSON() ([]byte, error) {
	record := endRecord{At: e.At, Operation: e.Operation}
	if e.Fault != nil {
		rest := *e.Fault
		record.Failure, rest.Text = rest.Text, ""
		record.Fault = &rest
	}
	return json.Marshal(record)
}

// UnmarshalJSON implements json.Unmarshaler. A failure that an older hostagent has written as text
// only is of kind vm.FaultUnknown.
func (e *End) UnmarshalJSON(data []byte) error {
	var record endRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return err
	}
	*e = End{At: record.At, Operation: record.Operation, Fault: record.Fault}
	if e.Fault == nil && record.Failure != "" {
		e.Fault = &vm.Fault{Kind: vm.FaultUnknown}
	}
	if e.Fault != nil {
		e.Fault.Text = record.Failure
	}
	return nil
}
