// SPDX-License-Identifier: Apache-2.0

// Package integration runs rdd's controllers with the in-memory engine against the
// embedded API server: every sentence of what App and LimaVM do and refuse.
package integration

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr/funcr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

func TestMain(m *testing.M) {
	logger := funcr.New(func(prefix, args string) {
		if os.Getenv("RDD_TEST_LOG") != "" {
			fmt.Fprintln(os.Stderr, prefix, args)
		}
	}, funcr.Options{})
	klog.SetLogger(logger)
	log.SetLogger(logger)
	os.Exit(m.Run())
}
