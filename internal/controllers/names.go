// SPDX-License-Identifier: Apache-2.0

package controllers

// Names are the controllers as --controllers knows them, each before those whose news it passes on.
// It is also the order in which their rules judge: what the App's rules say comes first.
func Names() []string { return []string{"app", "engine", "limavm", "hostinfo", "integration"} }
