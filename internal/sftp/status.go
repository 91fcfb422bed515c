// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// Codes of a status (section 7 of the draft).
const (
	statusOK          = 0
	statusEOF         = 1
	statusNoSuchFile  = 2
	statusDenied      = 3
	statusFailure     = 4
	statusBadMessage  = 5
	statusUnsupported = 8
)

var (
	errReadOnly    = errors.New("this directory is shared to be read only")
	errUnsupported = errors.New("this server does not know the request")
	errHandle      = errors.New("there is no such handle")
	errSpecial     = errors.New("only files and directories can be opened")
	errTooMany     = errors.New("too many files are open")
)

// status writes the answer that says how a request ended. sshfs makes EPERM of statusFailure: the
// protocol has no codes for a full disk, a directory that is not empty and the like.
func (e *encoder) status(err error) {
	e.begin(typeStatus)
	code, text := statusOf(err)
	e.uint32(code)
	e.text(text)
	e.text("") // the language of the text
}

func statusOf(err error) (code uint32, text string) {
	switch {
	case err == nil:
		return statusOK, ""
	case errors.Is(err, io.EOF):
		return statusEOF, ""
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
		code = statusNoSuchFile
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errReadOnly), errors.Is(err, syscall.EROFS):
		code = statusDenied
	case errors.Is(err, errMalformed):
		code = statusBadMessage
	case errors.Is(err, errUnsupported):
		code = statusUnsupported
	default:
		code = statusFailure
	}
	return code, message(err)
}

// message leaves out paths, which the client knows: os.Root may name others than it has sent.
func message(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
