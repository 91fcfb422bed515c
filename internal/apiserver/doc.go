// SPDX-License-Identifier: Apache-2.0

// Package apiserver is the embedded Kubernetes API server: the generic control
// plane trimmed to what one user on one machine needs. It serves namespaces,
// ConfigMaps, Secrets, Events, ServiceAccounts, RBAC, Leases, access reviews and
// CustomResourceDefinitions, and knows no Pods, nodes, webhooks or aggregation.
//
// It is assembled from the registries of k8s.io/kubernetes directly, not from
// kube-apiserver's options. Features that would only be switched off are then not
// linked, started and waited for. What kube-apiserver would add is in this package:
// one discovery document for built-in and custom groups (discovery.go), their
// OpenAPI v3 (openapi.go) and v2 (openapi2.go), system namespaces and namespace
// deletion (namespaces.go).
//
// Callers are authenticated by token (identity.go). Validators and defaulters run
// inside the request, in one admission plugin (plugin.go). Requests wait until the
// server is ready, except its own (readiness.go).
//
// Several waits that kube-apiserver has for the sake of other API servers are removed:
// see backdate.go, namespaces.go, progress.go and warmup.go.
//
// The package is tested through its API, by test/integration and the scripts of
// internal/cli: linking a test binary with it takes a quarter of a minute.
package apiserver
