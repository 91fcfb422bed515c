// SPDX-License-Identifier: Apache-2.0

// Package apiserver is the embedded Kubernetes API server: the generic control
// plane trimmed to what one user on one machine needs. It serves namespaces,
// ConfigMaps, Secrets, Events, ServiceAccounts, RBAC, Leases, access reviews and
// CustomResourceDefinitions, and knows no Pods, nodes, webhooks or aggregation.
//
// It is assembled from the registries of k8s.io/kubernetes directly, not through
// kube-apiserver's options: an option we would only switch off is code we need not
// link, start and wait for. What that leaves to us is put back here: one
// discovery document for built-in and custom groups (discovery.go), their OpenAPI
// v3 (openapi.go), system namespaces and namespace deletion (namespaces.go).
//
// Callers are known by token (identity.go); validators and defaulters run inside
// the request through one admission plugin (plugin.go). Nobody but the server
// itself gets an answer before everything is in place (readiness.go).
package apiserver
