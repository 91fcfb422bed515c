// SPDX-License-Identifier: Apache-2.0

// Package quiet keeps the API server's client of the store from logging: a line in JSON for each
// request that fails, and one more for each attempt. The request's own error reaches the caller,
// and the store logs its failures once. That client makes its logger when the program starts. So
// this package imports next to nothing, and Go initialises it before the packages of Kubernetes. It
// is imported for that effect alone.
package quiet

import (
	"os"

	"go.etcd.io/etcd/client/pkg/v3/logutil"
)

var _ = discard()

// discard has loggers that are made from now on write to nowhere.
func discard() bool {
	logutil.DefaultZapLoggerConfig.OutputPaths = []string{os.DevNull}
	return true
}
