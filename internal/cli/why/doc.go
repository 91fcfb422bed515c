// SPDX-License-Identifier: Apache-2.0

// Package why finds out what keeps the App or a virtual machine from running (rdd why). It gathers
// what the API, the daemon's files and the instance directory show, whichever of them there is, and
// starts nothing. Package explain makes a cause and a time line of these facts.
//
// It is tested by the script why of internal/cli as well.
package why
