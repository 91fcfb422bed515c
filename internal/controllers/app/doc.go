// SPDX-License-Identifier: Apache-2.0

// Package app is the App controller. It creates and owns the LimaVM `rd`, renders the App's spec
// into the LimaVM's template, mirrors the LimaVM's conditions, and writes the condition Settled.
//
// It interacts with the LimaVM controller through API objects only, and uses no engine. The
// condition ContainerEngineReady, which Settled depends on, is written by package engine.
//
// Rendering, status and admission of one object are tested by tables in this package. The whole
// life of an App is tested in test/integration on the real API server, and in test/faults with each
// call failing.
package app
