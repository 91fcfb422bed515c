// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"os"

	"rancherdesktop.io/rdd/internal/vm"
)

// resizes returns nil: Windows sends no signal when a console changes its size.
func resizes(context.Context, *os.File) <-chan vm.Size { return nil }
