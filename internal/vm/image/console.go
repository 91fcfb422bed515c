// SPDX-License-Identifier: Apache-2.0

package image

// What a guest says on its console when nobody will ever be let in: a protocol between the scripts
// that packages build (guest/init.sh, run-credential) and seed (run) put into it and the host that
// reads the console.

// ConsoleInitrd begins the line that the initrd says before it powers the machine off.
const ConsoleInitrd = "rdd-initrd: "

// ConsoleScriptFailed begins what is said of a guest's script that failed; its last lines follow.
func ConsoleScriptFailed(script string) string { return "rdd: the " + script + " script failed" }
