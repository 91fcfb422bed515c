// SPDX-License-Identifier: Apache-2.0

// Command rdd is the Rancher Desktop Daemon and its client. It is a few lines around internal/cli,
// and is tested by test/e2e, which runs the binary.
package main

import (
	"os"

	"rancherdesktop.io/rdd/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
