// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/api/crds"
	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/daemon/storage"
	"rancherdesktop.io/rdd/internal/daemon/supervise"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/version"
)

// Options are the options of Serve.
type Options struct {
	Instance instance.Instance
	// Build is this program's. The record has it, by which clients compare versions.
	Build version.Build
	// Background says that the standard streams are the instance's logs, and that a client waits for
	// the daemon's report: see presence.Reporter.
	Background bool
	// Program is the path of this program, to which the instance's tools are linked.
	Program string
}

// run runs the daemon. It returns after an orderly stop, when ctx has ended or a part has failed.
// It calls ready once, when the daemon is ready, and failed with the failure that it returns,
// before it stops. It returns presence.ErrRunning when another daemon of the instance runs.
func run(ctx context.Context, options Options, parts Parts, ready func(), failed func(error)) error {
	inst := options.Instance
	if err := inst.MakeDirs(); err != nil {
		return err
	}
	lock, err := presence.Lock(inst)
	if err != nil {
		return err
	}
	d := &daemon{options: options, built: parts, ready: ready, failed: failed, inst: inst, lock: lock, began: time.Now()}
	return errors.Join(d.run(ctx), lock.Unlock())
}

type daemon struct {
	options Options
	built   Parts
	ready   func()
	failed  func(error)
	inst    instance.Instance
	lock    *flock.Lock
	began   time.Time
	port    int
	parts   supervise.Parts
	// published are the files by which clients find this daemon.
	published []published
	upkeep    upkeep
}

func (d *daemon) run(ctx context.Context) error {
	if err := d.protect(); err != nil {
		return err
	}
	if err := d.claim(); err != nil {
		return err
	}
	d.linkTools()
	err := d.start(ctx)
	if err == nil {
		err = d.announce()
	}
	if err == nil {
		err = d.parts.Wait(ctx)
	}
	if ctx.Err() != nil {
		klog.InfoS("Stopping")
	}
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, d.stop())
	}
	d.failed(err) // before it stops, which may end badly
	if stopErr := d.stop(); stopErr != nil {
		klog.ErrorS(stopErr, "The daemon that failed did not stop in order")
	}
	return err
}

// stop ends the parts and removes what says that this daemon runs.
func (d *daemon) stop() error {
	return errors.Join(d.parts.Stop(), d.withdraw(presence.RecordFile(d.inst)), d.withdraw(d.inst.PIDFile()))
}

// claim removes what a killed daemon has left, after it has logged what is known of its end. The
// caller holds the lock.
func (d *daemon) claim() error {
	for _, line := range presence.Crashed(d.inst) {
		klog.InfoS("Starting after a daemon that failed", "failure", line)
	}
	d.upkeep.report("removing unfinished files", errors.Join(atomicfile.RemoveStale(d.inst.Dir), atomicfile.RemoveStale(d.inst.TLSDir())))
	return atomicfile.Remove(presence.RecordFile(d.inst))
}

// start starts the parts, each after those it needs. The started parts are in d.parts even when
// start fails.
func (d *daemon) start(ctx context.Context) error {
	listener, err := d.listen()
	if err != nil {
		return err
	}
	store, err := storage.Open(d.inst)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	d.port = listener.Addr().(*net.TCPAddr).Port
	d.parts.Add("store", store.Failed(), store.Close)
	d.step("Store is open")
	_ = d.publish(d.inst.PIDFile(), []byte(strconv.Itoa(os.Getpid())+"\n")) // a hint for people
	verified := d.verifyStore(store)
	server, controllers, err := d.newServer(ctx, listener, store)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	d.parts.Run("API server", server.Run)
	if err := d.parts.WaitFor(ctx, server.Ready()); err != nil {
		return err
	}
	d.step("API server is ready")
	if err := d.parts.WaitFor(ctx, verified); err != nil {
		return err
	}
	kubeconfig, err := renderKubeconfig(d.inst, server.Config(rules.UserName))
	if err != nil {
		return err
	}
	_ = d.publish(d.inst.ConfigFile(), kubeconfig) // it is tried again
	if err := d.startControllers(ctx, server, controllers); err != nil {
		return err
	}
	d.keepBackups(store)
	return nil
}

func (d *daemon) newServer(ctx context.Context, listener net.Listener, store *datastore.Store) (
	*apiserver.Server, Controllers, error,
) {
	definitions, err := apiserver.LoadDefinitions(crds.Files)
	if err != nil {
		return nil, nil, err
	}
	access, err := apiserver.NewAccess(listener, d.inst.TLSDir())
	if err != nil {
		return nil, nil, err
	}
	controllers := d.built.Controllers(ctx, access.Config)
	server, err := apiserver.New(apiserver.Options{
		Access: access, Dial: store.Dial, Rules: controllers.Rules(), Definitions: definitions, Build: d.options.Build,
		Handlers: storage.Handlers(d.inst, store.Health),
	})
	d.step("API server is built")
	return server, controllers, err
}

// announce publishes the record, by which clients know that the daemon is ready, and reports to the
// client that has started it.
func (d *daemon) announce() error {
	self, err := process.Identify(os.Getpid())
	if err != nil {
		return fmt.Errorf("identifying the daemon: %w", err)
	}
	record := presence.Record{
		Process: self, Namespace: process.Namespace(), Build: d.options.Build, Started: d.began,
		Port: d.port, SecurePort: d.built.Port, Controllers: d.built.Enabled,
	}
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	if err := presence.ForgetFailure(d.inst); err != nil {
		return err
	}
	if err := d.publish(presence.RecordFile(d.inst), data); err != nil {
		return err // nobody would find this daemon
	}
	d.parts.Run("service directory", d.maintain)
	d.step("Daemon is ready")
	d.ready()
	return nil
}

// step logs the progress of the start.
func (d *daemon) step(what string) {
	klog.InfoS(what,
		"after", time.Since(d.began).Round(time.Millisecond), presence.PIDKey, os.Getpid(), "version", d.options.Build.Text())
}

// listen listens on the port that was asked for, or on the instance's default one of the loopback
// address. When the latter is in use it takes a free one: the record and the kubeconfig have it.
func (d *daemon) listen() (net.Listener, error) {
	asked := d.built.Port
	listener, err := listenOn(cmp.Or(asked, d.inst.Port()))
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && asked != 0:
		return nil, presence.PortBusy(asked)
	case errors.Is(err, syscall.EADDRINUSE):
		klog.InfoS("The port is busy: taking a free one", "port", d.inst.Port(), "holder", process.PortHolder(d.inst.Port()))
		listener, err = listenOn(0)
	}
	if err != nil {
		return nil, fmt.Errorf("listening for the API: %w", err)
	}
	return listener, nil
}

func listenOn(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
