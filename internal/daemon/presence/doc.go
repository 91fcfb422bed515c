// SPDX-License-Identifier: Apache-2.0

// Package presence is what the daemon of an instance and its clients have in common, so that
// neither imports the other: the files and the pipe by which they exchange what both must know.
//
//   - The lock says whether a daemon runs. Whoever holds it is the daemon of the instance.
//   - The record (daemon.json), written when the daemon is ready and removed when it stops, says
//     which process it is, its port and its version. A record without the lock is a leftover.
//   - The failure (failure.json) says why the daemon failed last. A daemon that is ready removes
//     it.
//   - The arguments (args.json) are what the instance was created with.
//   - The logs are the standard streams of a daemon in the background.
//   - The health of the store is asked of the running daemon's API server.
//   - The report goes over a pipe from a daemon in the background to who started it.
package presence
