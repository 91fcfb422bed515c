// SPDX-License-Identifier: Apache-2.0

package image

// What a guest prints on its console when it will never let anybody log in. It is a protocol
// between the scripts that packages build (guest/init.sh, run-credential) and seed (run) put into
// guests and the hostagent, which reads the console.

// ConsoleInitrd begins the line that the initrd prints before it powers the machine off.
const ConsoleInitrd = "rdd-initrd: "

// ConsoleScriptFailed is the line that reports a guest's script that failed. The last lines of its
// output follow.
func ConsoleScriptFailed(script string) string { return "rdd: the " + script + " script failed" }
