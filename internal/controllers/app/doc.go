// SPDX-License-Identifier: Apache-2.0

// Package app is the App controller: it bootstraps and owns the LimaVM `rd`, hands on what
// the App's spec asks for, mirrors the LimaVM's conditions and says when all has settled.
//
// It meets the LimaVM controller through API objects alone and knows no engine.
package app
