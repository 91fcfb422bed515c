// SPDX-License-Identifier: Apache-2.0

// Package apitest starts the real embedded API server inside a test: with store,
// admission rules and all of rdd's CustomResourceDefinitions, on a free loopback port
// and in a directory of its own. test/integration and test/faults use it.
package apitest

import (
	"context"
	"net"
	"os"
	"testing"

	"k8s.io/client-go/rest"

	"rancherdesktop.io/rdd/api/crds"
	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/rules"
)

// Server is a running API server. It is stopped at the end of the test.
type Server struct {
	server *apiserver.Server
	store  *datastore.Store
	dir    string
}

// Start runs an API server with the given admission rules and returns when it is ready.
func Start(t testing.TB, all ...rules.Rule) *Server {
	t.Helper()
	return StartWith(t, func(func(string) *rest.Config) []rules.Rule { return all })
}

// StartWith is like Start, with rules that may call the server.
func StartWith(t testing.TB, rules Build) *Server {
	t.Helper()
	return StartIn(t, Dir(t), rules)
}

// Dir creates a directory for a server. Its path is short, and it is removed at the end of the
// test.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Build returns the admission rules of a server. config returns the client configuration for a user
// name.
type Build func(config func(user string) *rest.Config) []rules.Rule

// StartIn is like StartWith, with the server's files in dir. An earlier server may have left files
// there, which are used. The files are not removed.
func StartIn(t testing.TB, dir string, rules Build) *Server {
	t.Helper()
	return StartOn(t, dir, datastore.Options{}, rules)
}

// StartOn is like StartIn, with a store that is opened with options.
func StartOn(t testing.TB, dir string, options datastore.Options, rules Build) *Server {
	t.Helper()
	store, err := datastore.OpenWith(dir+"/store.db", options)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{store: store, dir: dir, server: build(t, store, dir, rules)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the API server ended with: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-s.server.Ready():
	case err := <-ended:
		ended <- err
		t.Fatalf("the API server did not start: %v", err)
	}
	return s
}

func build(t testing.TB, store *datastore.Store, dir string, rules Build) *apiserver.Server {
	t.Helper()
	definitions, err := apiserver.LoadDefinitions(crds.Files)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	access, err := apiserver.NewAccess(listener, dir)
	if err != nil {
		t.Fatal(err)
	}
	server, err := apiserver.New(apiserver.Options{
		Access: access, Dial: store.Dial, Rules: rules(access.Config), Definitions: definitions,
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// Config returns the client configuration for a user name: "rdd:user", "system:rdd:controller:app",
// …
func (s *Server) Config(user string) *rest.Config { return s.server.Config(user) }

// Store returns the server's store.
func (s *Server) Store() *datastore.Store { return s.store }
