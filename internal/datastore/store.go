// SPDX-License-Identifier: Apache-2.0

// Package datastore is the API server's store: kine on one SQLite file, in this
// process. It speaks the etcd protocol over an in-memory listener, so there is
// no port, no socket file and nobody else who could connect.
//
// A write is acknowledged only when it is on disk: every connection runs with
// synchronous=FULL (kine's default is NORMAL, which may lose the last writes at
// power loss). A marker file beside the store tells an unclean stop; the next
// Open then checks the whole file before it serves from it.
package datastore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
	"github.com/k3s-io/kine/pkg/drivers/generic"
	"github.com/k3s-io/kine/pkg/drivers/sqlite"
	"github.com/k3s-io/kine/pkg/logstructured"
	"github.com/k3s-io/kine/pkg/logstructured/sqllog"
	"github.com/k3s-io/kine/pkg/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"

	"rancherdesktop.io/rdd/internal/datastore/checked"
	"rancherdesktop.io/rdd/internal/datastore/room"
)

const (
	// emulatedVersion of etcd decides which features the API server uses (watch progress,
	// streaming).
	emulatedVersion = "3.6.11"
	// notifyInterval of watch progress events: how long a consistent read from the watch cache may
	// wait without writes.
	notifyInterval = 5 * time.Second
	// pollInterval is only a safety net: writes of this process notify watches directly.
	pollInterval = time.Second
	// bufferSize of one in-memory connection, in bytes.
	bufferSize = 256 << 10
	// maxRequest is etcd's limit for a request plus protocol overhead, in bytes.
	maxRequest = 2 << 20
	// clientPing is how often the API server's etcd client pings (keepaliveTime in
	// k8s.io/apiserver/pkg/storage/storagebackend/factory). gRPC's own limit of one in 5 minutes
	// would cut it off.
	clientPing = 30 * time.Second
)

// Store is an open store.
type Store struct {
	path     string
	file     fs.FileInfo
	db       *sql.DB
	listener *bufconn.Listener
	server   *grpc.Server
	cancel   context.CancelFunc
	closed   sync.WaitGroup
	serveErr chan error
	// damaged keeps the marker of an unclean stop, so that the next Open looks at every page.
	damaged atomic.Bool
	options Options
	room    *room.Room
	lineage string
	health  health
	back    readBack
}

// Options of OpenWith.
type Options struct {
	// Report gets the first of the store's failures of a kind, and the first again after a write
	// that succeeded. It must not call the store. Nil: they are kept for Health only.
	Report func(error)
	// Evidence is what the caller knows of that shows that there was a store before, each in a few
	// words. With any, Open does not make a new one.
	Evidence []string
	// Check says why the value of a key cannot be used; nil means all can. Verify and Backup call
	// it.
	Check func(key string, value []byte) error
	// LockWait is how long a write waits for a lock that another process holds, and how long for the
	// writes before it; 0 means 5 s.
	LockWait time.Duration
	// VFS is the name of the file system of SQLite's below the store, for tests; "" is its usual one.
	VFS string
	// Removed gets the path of each store that was set aside and is removed.
	Removed func(path string)
	// Eager has the file that keeps room for deletions made at once, in the background, instead of
	// after some seconds.
	Eager bool

	// retry is expiryRetry unless a test sets it.
	retry time.Duration
}

// Open opens or creates the SQLite file at path, inside an existing directory that only the user
// can enter. A damaged store is an error that wraps ErrDamaged, one that is not what was there a
// *LostError; nothing is repaired or dropped. The error wraps ErrNoRoom where there is too little
// room, for a new store as much as it needs to be of use: nothing is made then.
func Open(path string) (*Store, error) { return OpenWith(path, Options{}) }

// OpenWith is Open with options.
func OpenWith(path string, options Options) (*Store, error) {
	if options.LockWait == 0 {
		options.LockWait = lockWait
	}
	if options.retry == 0 {
		options.retry = expiryRetry
	}
	space := roomAround(path)
	if free, ok := space.Free(); ok && free < room.StoreBallast {
		space.Release() // SQLite needs room to open a store, too
	}
	for {
		store, err := openOnce(path, options, space)
		if err == nil || !errors.Is(err, ErrNoRoom) || !space.Release() {
			return store, err
		}
	}
}

// openOnce opens the store without another try. What fails for want of room is ErrNoRoom.
func openOnce(path string, options Options, space *room.Room) (*Store, error) {
	ctx := context.Background()
	s := &Store{path: path, options: options, room: space, listener: bufconn.Listen(bufferSize), serveErr: make(chan error, 1)}
	if err := check(ctx, path, options.Evidence); err != nil {
		return nil, noRoom(path, err)
	}
	if err := roomForNew(path); err != nil {
		return nil, err
	}
	file, err := createPrivate(path)
	if err != nil {
		return nil, noRoom(path, err)
	}
	s.file = file
	if err := mark(path); err != nil {
		return nil, noRoom(path, err)
	}
	if err := s.start(); err != nil {
		return nil, noRoom(path, fmt.Errorf("opening the store %s: %w", path, err))
	}
	if err := s.identify(ctx); err != nil {
		return nil, noRoom(path, errors.Join(fmt.Errorf("opening the store %s: %w", path, err), s.Close()))
	}
	return s, nil
}

func (s *Store) start() error {
	// The context ends only with Close: its end closes the database.
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	settings := config(s.path, s.options)
	_, dialect, err := sqlite.NewVariant(ctx, &s.closed, "sqlite3", settings)
	if err != nil {
		cancel()
		return err
	}
	s.db = dialect.DB
	s.back.db = s.db
	log := checked.NewLog(sqllog.New(checked.NewDialect(dialect), &s.closed, settings),
		checked.LogOptions{Wait: s.options.LockWait, MakeRoom: s.makeRoom})
	backend := checked.New(logstructured.New(log), checked.Options{
		Stored: s.stored, Explain: s.explain, Admit: s.admit, Report: s.failed,
	})
	if err := backend.Start(ctx); err != nil {
		cancel()
		s.closed.Wait()
		return err
	}
	s.closed.Go(func() { s.tend(ctx) })
	s.closed.Go(func() { keepExpiring(ctx, backend, s.options.retry) })
	s.server = grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest), grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: clientPing / 2, PermitWithoutStream: true}))
	server.New(backend, "http", notifyInterval, emulatedVersion).Register(s.server)
	go func() { s.serveErr <- s.server.Serve(s.listener) }()
	return nil
}

func config(path string, options Options) *drivers.Config {
	return &drivers.Config{
		DataSourceName: dataSource(path, options),
		PollInterval:   pollInterval,
		PollBatchSize:  500,
		// The API server asks for compaction; kine needs no timer of its own.
		CompactInterval:      0,
		CompactTimeout:       5 * time.Second,
		CompactMinRetain:     1000,
		CompactBatchSize:     1000,
		ConnectionPoolConfig: generic.ConnectionPoolConfig{MaxIdle: 8, MaxIdleTime: 2 * time.Minute},
	}
}

// createPrivate makes sure that the file exists with mode 0600 before SQLite, which knows no modes,
// would create it.
func createPrivate(path string) (fs.FileInfo, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating the store: %w", err)
	}
	info, err := f.Stat()
	return info, errors.Join(err, f.Close())
}

// Dial opens an in-memory connection to the store; network and address are ignored.
func (s *Store) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return s.listener.DialContext(ctx)
}

// Failed reports the error that made the store stop serving, should that happen before Close.
func (s *Store) Failed() <-chan error { return s.serveErr }

// Pragma reads a SQLite setting back on the given number of live connections at once.
func (s *Store) Pragma(ctx context.Context, name string, connections int) ([]string, error) {
	values := make([]string, 0, connections)
	for range connections {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return nil, fmt.Errorf("getting a connection to the store: %w", err)
		}
		// Held until the end, so that every turn gets another connection.
		defer func() { _ = conn.Close() }() // gives it back to the pool
		var value string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			return nil, fmt.Errorf("reading pragma %s: %w", name, err)
		}
		values = append(values, value)
	}
	return values, nil
}

// Close ends all connections, writes the log back into the file, closes it and removes the marker
// of an unclean stop. Callers stop the API server first; what was acknowledged is on disk in any
// case.
func (s *Store) Close() error {
	s.server.Stop()
	s.back.close()
	ctx := context.Background()
	// From now on the log may be empty; the record is right if there is no room to write it, too.
	err := errors.Join(s.writeRecord(ctx), mark(s.path))
	_, checkpointErr := s.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	err = errors.Join(err, checkpointErr)
	s.cancel()
	s.closed.Wait()
	if err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return errors.Join(s.unmark(), s.listener.Close())
}

// unmark says that the store was closed in order, unless its file is not there any more: what is
// now in its place is somebody else's.
func (s *Store) unmark() error {
	if s.damaged.Load() {
		return nil
	}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, s.file) {
		return nil
	}
	return errors.Join(err, unmark(s.path))
}
