// SPDX-License-Identifier: Apache-2.0

// Package fetch downloads or copies the parts of a guest image and makes an image of them.
//
// A download survives broken connections, servers that fall silent, and the end of the process:
// what has arrived is kept on disk with the version of which it is a part, and goes on with a range
// request that names this version. A server that has another file by then is noticed by its answer,
// at the latest by the digest. Nothing of a file with a wrong digest is kept.
//
// A disk is decompressed and must be one that a machine can boot from: no web page, no installer,
// and no qcow2 disk that refers to other files of the host.
package fetch
