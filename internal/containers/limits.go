// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"rancherdesktop.io/rdd/internal/bounded"
)

// A container engine is a program of the guest, which may answer anything. These are the limits of
// what it is believed.
const (
	// maxResponse is how much is read of one response, in bytes, its header included. An event stream
	// is one response.
	maxResponse = 4 << 20
	// maxHeader is the longest header of a response, in bytes.
	maxHeader = 64 << 10
	// maxOutput is how much of a command's output or of a container's is kept, in bytes.
	maxOutput = 1 << 20
	// maxLeftovers is how many containers one smoke test removes.
	maxLeftovers = 100
	// maxVersion and maxProblem limit what becomes part of the API, in bytes.
	maxVersion, maxProblem = 128, 2000
)

// limitedTransport returns a transport to a Unix socket. Each request has a connection of its own,
// of which no more than maxResponse is read.
func limitedTransport(socket string) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, err
			}
			return bounded.Conn(conn, maxResponse), nil
		},
	}
}

// shorten cuts what an engine says to at most limit bytes.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// The streams in a container's log, as Docker multiplexes them. A frame is the stream in one byte,
// three bytes of padding, and the length in four bytes, most significant first. Then the data
// follow.
const (
	frameHeader  = 8
	streamStderr = 2 // standard input is 0, standard output 1
	streamError  = 3
)

// demultiplex writes the data of all frames in r to out. Unlike the reader of Docker's own library
// it allocates nothing for a frame, whose length may be anything.
func demultiplex(out io.Writer, r io.Reader) error {
	header := make([]byte, frameHeader)
	for {
		_, err := io.ReadFull(r, header)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data := io.LimitReader(r, int64(binary.BigEndian.Uint32(header[4:])))
		switch stream := header[0]; {
		case stream == streamError:
			message, err := bounded.ReadAll(data, maxProblem)
			return errors.Join(fmt.Errorf("the engine says: %s", message), err)
		case stream > streamStderr:
			return fmt.Errorf("there is no stream %d", stream)
		}
		if _, err := io.Copy(out, data); err != nil {
			return err
		}
	}
}
