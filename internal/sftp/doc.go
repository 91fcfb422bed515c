// SPDX-License-Identifier: Apache-2.0

// Package sftp serves one directory of the host over the SSH File Transfer Protocol, version 3
// (draft-ietf-secsh-filexfer-02), with those extensions of OpenSSH that sshfs uses.
//
// The client is not trusted. It reaches nothing outside of the directory (os.Root), whatever paths
// it sends, and can neither open devices nor FIFOs. One request is answered after the other and
// each has a limit, so that memory does not grow with what a client sends; nor does the number of
// open files. Symbolic links are text: who mounts the directory follows them in its own file
// system.
//
// The tests drive the server with the client of github.com/pkg/sftp, and with raw packets.
package sftp
