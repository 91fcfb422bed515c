// SPDX-License-Identifier: Apache-2.0

// Package presence has the files and the pipe by which the daemon of an instance and its clients
// exchange what both must know. It exists so that neither has to import the other.
//
//   - The lock says whether a daemon runs. Whoever holds it is the daemon of the instance.
//   - The record (daemon.json) has the daemon's process, port and version. It is written when the
//     daemon is ready, and removed when the daemon stops. A record without the lock is a leftover.
//   - The failure (failure.json) says why the daemon failed last. A daemon that is ready removes
//     it.
//   - The arguments (args.json) are those that the instance was created with.
//   - The logs are the standard streams of a daemon in the background.
//   - The report goes over a pipe from a daemon in the background to the client that has started
//     it.
//
// Files, locks and the pipe are tested in this package; two processes that use them, by the scripts
// of internal/cli.
package presence
