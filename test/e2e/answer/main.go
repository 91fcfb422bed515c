// SPDX-License-Identifier: Apache-2.0

// Command answer is the program that end-to-end tests run in containers: it sends back what comes
// to a port, over TCP and over UDP, until a signal ends it.
//
//	answer PORT
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: answer PORT")
		os.Exit(2)
	}
	fmt.Fprintln(os.Stderr, "answer:", serve(":"+os.Args[1]))
	os.Exit(1)
}

// serve returns when TCP or UDP fails.
func serve(address string) error {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(err, packets.Close())
	}
	fmt.Println("listening on", address)
	failed := make(chan error, 2)
	go func() { failed <- echoPackets(packets) }()
	go func() { failed <- echoStreams(listener) }()
	return <-failed
}

func echoPackets(packets net.PacketConn) error {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if _, err := packets.WriteTo(buffer[:n], from); err != nil {
			fmt.Fprintln(os.Stderr, "answer:", err)
		}
	}
}

func echoStreams(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			if _, err := io.Copy(conn, conn); err != nil {
				fmt.Fprintln(os.Stderr, "answer:", err)
			}
			_ = conn.Close()
		}()
	}
}
