// SPDX-License-Identifier: Apache-2.0

// Package hostconfig changes what is the user's own on this host, outside of rdd's directories, and
// undoes it. There are three such settings: a docker context, docker's current context, and on
// request a link at /var/run/docker.sock.
//
// These files belong to others, so the rules are strict. What is about to be done is written into
// the instance's record before it is done, and removed from it after it is undone. A process that
// is killed between any two writes leaves a record from which the next one goes on. What no
// instance of rdd made is foreign: it is reported and never touched. A file is replaced by one
// rename. In docker's configuration one value changes, and all other bytes stay.
//
// All instances of a user share one lock and read one another's records. So the last one to be
// deleted knows which directories rdd made, and which context was current before the first.
//
// Tests kill after and within each write (crash_test.go). docker itself is run by docker_test.go
// where it is installed, and by test/e2e.
package hostconfig
