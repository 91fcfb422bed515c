// SPDX-License-Identifier: Apache-2.0

// Package textfile reads the ends of logs and consoles that other processes write: the last bytes
// or lines of a file, what was added since, and its text without escape sequences of terminals.
package textfile
