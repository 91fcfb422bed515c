// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"cmp"
	"context"
	"flag"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	containersfake "rancherdesktop.io/rdd/internal/containers/fake"
	"rancherdesktop.io/rdd/internal/controllers/app"
	"rancherdesktop.io/rdd/internal/controllers/limavm"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm/fake"
	"rancherdesktop.io/rdd/test/apitest"
	"rancherdesktop.io/rdd/test/sim"
)

// limaHome is the directory of instance directories. The engine in memory does not use it.
const limaHome = "/home/someone/.rd2/lima"

var everything = flag.Bool("everything", false, "every kind of error on every read too, instead of taking turns")

var only = flag.String("pair", "", "run only the pairs of stages whose name contains this")

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // speed for memory, of which there is enough
	klog.SetLogger(logr.Discard())
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// memory returns a directory for the store, in memory where possible: nothing in these tests
// depends on the disk.
func memory(t *testing.T) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "rdd")
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

// serve starts a real API server with the controllers' rules, and returns a harness on it.
func serve(t *testing.T, m mutant) *harness {
	t.Helper()
	return serveOn(t, memory(t), datastore.Options{}, m)
}

// serveOn is serve with a store that is opened with options.
func serveOn(t *testing.T, dir string, options datastore.Options, m mutant) *harness {
	t.Helper()
	var config func(user string) *rest.Config
	apitest.StartOn(t, dir, options, func(c func(user string) *rest.Config) []rules.Rule {
		config = c
		return wiring.NewControllers(t.Context(), wiring.Values{
			Engines: wiring.Engines{Machines: fake.New(), Containers: &containersfake.Monitor{}},
			Host:    host, LimaHome: limaHome, DockerSocket: facts.DockerSocket, Clock: clock.RealClock{},
		}, c).Rules()
	})
	h, err := newHarness(clocktesting.NewFakePassiveClock(time.Now()), func(user string) (client.WithWatch, error) {
		c := rest.CopyConfig(config(user))
		c.QPS = -1
		return client.NewWithWatch(c, client.Options{Scheme: scheme.New()})
	}, m)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// simulate returns a harness on a simulated API server with the controllers' rules.
func simulate(t testing.TB, m mutant) *harness {
	t.Helper()
	clock, known := clocktesting.NewFakePassiveClock(time.Unix(1_700_000_000, 0)), scheme.New()
	api := sim.New(known, clock.Now, schemaDefaults)
	reader := api.Client("rules")
	api.SetRules(slices.Concat(app.Rules(known, reader, facts), limavm.Rules(known, reader, host, limaHome)))
	h, err := newHarness(clock, func(user string) (client.WithWatch, error) { return api.Client(user), nil }, m)
	if err != nil {
		t.Fatal(err)
	}
	h.sim = api
	return h
}

// schemaDefaults sets the defaults that the CustomResourceDefinitions have.
func schemaDefaults(obj client.Object) {
	if a, ok := obj.(*appv1.App); ok {
		a.Spec.Namespace = cmp.Or(a.Spec.Namespace, "default")
		a.Spec.ContainerEngine.Name = cmp.Or(a.Spec.ContainerEngine.Name, appv1.EngineMoby)
	}
}

func TestFaultMatrix(t *testing.T) { runMatrix(t, faultKinds) }
func TestCrashMatrix(t *testing.T) { runMatrix(t, crashKinds) }
func TestEventMatrix(t *testing.T) { runMatrix(t, eventKinds) }
func TestStaleReads(t *testing.T)  { runMatrix(t, []kind{stale}) }

// runMatrix runs every pair of stages with every fault, each pair on a server of its own, and logs
// the coverage.
func runMatrix(t *testing.T, kinds []kind) {
	started := time.Now()
	var mu sync.Mutex
	total := coverage{byKind: map[kind]int{}}
	t.Run("all", func(t *testing.T) {
		for _, p := range pairs() {
			if !strings.Contains(p.name, *only) {
				continue
			}
			t.Run(strings.ReplaceAll(p.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				cover := runPair(t, p, kinds)
				mu.Lock()
				defer mu.Unlock()
				total.add(cover)
			})
		}
	})
	t.Logf("together %d stages, %d calls, %d runs, %d faults %v, %.1f s",
		total.stages, total.calls, total.runs, total.fired, total.byKind, time.Since(started).Seconds())
	if total.fired == 0 {
		t.Fatal("nothing was injected")
	}
}

func runPair(t *testing.T, p pair, kinds []kind) coverage {
	started := time.Now()
	cover, err := simulate(t, mutant{}).matrix(context.Background(), p, kinds, *everything)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls in 2 stages × %d kinds: %d runs, %d faults %v, %.1f s",
		cover.calls, len(kinds), cover.runs, cover.fired, cover.byKind, time.Since(started).Seconds())
	return cover
}
