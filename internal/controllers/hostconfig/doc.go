// SPDX-License-Identifier: Apache-2.0

// Package hostconfig is the controller that lets docker on the host find the App's container
// engine: while there is an App with Docker the host is integrated, and when the App goes, or its
// container engine is another, all of that is undone.
//
// It writes no resource; it reads the App and hands on what follows from it. What is in the way on
// the host is an Event on the App and keeps nothing else from going on.
package hostconfig
