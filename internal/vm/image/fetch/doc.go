// SPDX-License-Identifier: Apache-2.0

// Package fetch downloads or copies the parts of a guest image and makes an image of them.
//
// A download survives broken connections, servers that fall silent, and the end of the process.
// What has arrived is kept on disk together with the version of the file, and goes on with a range
// request for this version. If the server has another file by then, its response shows that, or at
// the latest the digest. Nothing of a file with a wrong digest is kept.
//
// A disk is decompressed and must be one that a machine can boot from: no web page, no installer,
// and no qcow2 disk that refers to other files of the host.
//
// Tests download from servers that break connections, send wrong parts and fall silent. A real
// cloud image is booted by test/e2e.
package fetch
