// SPDX-License-Identifier: Apache-2.0

// Package integration tests rdd's controllers and admission rules on the embedded API
// server, with the in-memory engine. It also tests the API server itself.
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
