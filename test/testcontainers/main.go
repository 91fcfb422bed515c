// SPDX-License-Identifier: Apache-2.0

// Testcontainers is what end-to-end tests run as a program of somebody else: it starts a container
// as people's tests do, by a library that looks for Docker in its own ways, and talks to its port.
// It is a module of its own, as rdd needs none of this.
//
//	testcontainers IMAGE    IMAGE is local and has the program answer
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// timeout with a guest that is emulated on a busy host.
const timeout = 5 * time.Minute

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: testcontainers IMAGE")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "testcontainers:", err)
		os.Exit(1)
	}
}

// run starts a container, talks to it and removes it.
func run(ctx context.Context, image string) (err error) {
	container, err := testcontainers.Run(ctx, image,
		testcontainers.WithCmd("answer", "80"),
		testcontainers.WithExposedPorts("80/tcp"),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("80/tcp").WithStartupTimeout(timeout)),
	)
	defer func() {
		if removeErr := testcontainers.TerminateContainer(container); err == nil {
			err = removeErr
		}
	}()
	if err != nil {
		return fmt.Errorf("starting a container of %s: %w", image, err)
	}
	address, err := container.PortEndpoint(ctx, "80/tcp", "")
	if err != nil {
		return fmt.Errorf("finding its port: %w", err)
	}
	return talk(ctx, address)
}

func talk(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("reaching the container: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintln(conn, "hello"); err != nil {
		return fmt.Errorf("talking to the container at %s: %w", address, err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || answer != "hello\n" {
		return fmt.Errorf("the container at %s answered %q: %w", address, answer, err)
	}
	fmt.Printf("a container answered at %s\n", address)
	return nil
}
