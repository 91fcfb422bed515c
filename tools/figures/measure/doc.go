// SPDX-License-Identifier: Apache-2.0

// Package measure counts what the form of a source tree is judged by: the length of functions,
// files and lines, the share of comments and of tests, and packages that nobody has described.
//
// Of finds the figures of a whole tree, TooLong the lines beyond the limits. The command figures
// prints the first, test/layout refuses the second.
package measure
