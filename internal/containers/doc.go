// SPDX-License-Identifier: Apache-2.0

// Package containers reports whether the container engine in a virtual machine works. It reaches
// Docker through its socket on the host, and containerd through ctr in the guest. In this package
// an engine is a container engine.
//
// A Monitor follows one container engine in the background. It connects, subscribes to the engine's
// events, and runs a smoke test: a container of an image that rdd carries (package smokeimage). The
// smoke test needs no network. After that the engine is connected.
//
// The end of the event stream reports at once that the engine has exited. A ping at intervals finds
// an engine that hangs. In both cases the Monitor connects and tests again, with back-off and
// without end. An interruption within the grace period is not reported: the engine counts as
// connected while it is restarted.
//
// A State is in memory and belongs to this process. The container engine controller
// (internal/controllers/engine) writes it to the API.
//
// One conformance test runs against fakes of Docker and ctr. It runs against real ones as well,
// where RDD_TEST_DOCKER_SOCKET and RDD_TEST_CONTAINERD_INSTANCE name them.
package containers
