// SPDX-License-Identifier: Apache-2.0

// Package why finds out what keeps the App or a virtual machine from running (rdd why). It gathers
// facts from the API, the daemon's files and the instance directory, as far as they exist, and
// starts nothing. Package explain turns these facts into a cause and a time line.
//
// Gathering from files is tested here, the command by the script why of internal/cli.
package why
