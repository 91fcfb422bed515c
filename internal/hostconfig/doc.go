// SPDX-License-Identifier: Apache-2.0

// Package hostconfig is what rdd changes of the user's host outside its own directories, and how
// that is undone: a docker context, docker's current context, and on request a link at
// /var/run/docker.sock.
//
// Others' files are at stake, so: what is about to be done is written into the instance's record
// before it is done, and taken out of it after it is undone. A process that is killed between any
// two writes leaves a record by which the next one goes on. What nobody of us made is foreign: it
// is reported and never touched. A file changes by one rename, and of docker's configuration one
// value changes and all other bytes stay.
//
// All instances of a user take turns by one lock, and read one another's records: which directories
// rdd made, and what was the current context before another instance's, is known to whoever is the
// last to go.
package hostconfig
