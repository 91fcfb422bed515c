// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	historyClients = 8
	historySteps   = 60 // of each client
	historyKeys    = 4
	historyPrefix  = "/history/"
)

type result int

const (
	applied result = iota
	refused
	unknown // an error: it may have been applied, at any time
)

// step of a client on one key. A key's values are unique, so that the value which a client has read
// stands for the revision by which it changes the key.
type step struct {
	key string
	// read steps have found a value; others put it, "" being a delete, where the key had the value
	// before.
	read          bool
	value, before string
}

// model is one key: its state is the value, "" when it is not there.
var model = porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range history {
			key := o.Input.(step).key
			byKey[key] = append(byKey[key], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{""} },
	Step: func(state, input, output any) []any {
		s, fits := input.(step), false
		switch fits = state == s.before; {
		case s.read && state == s.value, !s.read && !fits && output == refused:
			return []any{state}
		case s.read || !fits && output == applied || fits && output == refused:
			return nil
		case fits && output == applied:
			return []any{s.value}
		case fits:
			return []any{state, s.value}
		}
		return []any{state}
	},
	Equal: func(a, b any) bool { return a == b },
}

// event as it is watched, or as a write was acknowledged.
type event struct {
	key, value string // "" is a delete
	revision   int64
}

// recorder runs clients and keeps what they did.
type recorder struct {
	store *Store
	began time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	acked   []event
	lists   []*clientv3.GetResponse
}

func (r *recorder) note(client int, s step, called time.Duration, out result) {
	returned := int64(time.Since(r.began))
	if out == unknown {
		if s.read {
			return
		}
		returned = math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, porcupine.Operation{ClientId: client, Input: s, Call: int64(called), Output: out, Return: returned})
}

// run is one client.
func (r *recorder) run(ctx context.Context, t *testing.T, id int, client *clientv3.Client, random *rand.Rand) {
	for i := range historySteps {
		key := fmt.Sprintf("%s%d", historyPrefix, random.IntN(historyKeys))
		if random.IntN(8) == 0 {
			r.list(ctx, id, client)
			continue
		}
		called := time.Since(r.began)
		response, err := client.Get(ctx, key)
		if err != nil {
			continue
		}
		read, revision := "", int64(0)
		if len(response.Kvs) > 0 {
			read, revision = string(response.Kvs[0].Value), response.Kvs[0].ModRevision
		}
		r.note(id, step{key: key, read: true, value: read}, called, applied)
		r.change(ctx, t, id, client, step{key: key, before: read, value: fmt.Sprintf("%d-%d", id, i)}, revision, random.IntN(4) == 0)
	}
}

func (r *recorder) change(ctx context.Context, t *testing.T, id int, client *clientv3.Client, s step, revision int64, deletes bool) {
	var err error
	at := int64(0)
	called := time.Since(r.began)
	switch {
	case s.before == "":
		at, err = commit(client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(s.key), "=", 0)).Then(clientv3.OpPut(s.key, s.value)))
	case deletes:
		s.value = ""
		at, err = remove(ctx, client, s.key, revision)
	default:
		at, err = update(ctx, client, s.key, s.value, revision)
	}
	out := applied
	switch {
	case errors.Is(err, errRefused):
		out = refused
	case err != nil:
		out = unknown
	case at <= revision:
		t.Errorf("%+v was applied at %d, after it was read at %d", s, at, revision)
	}
	r.note(id, s, called, out)
	if out == applied {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.acked = append(r.acked, event{s.key, s.value, at})
	}
}

// list reads all keys at one revision.
func (r *recorder) list(ctx context.Context, id int, client *clientv3.Client) {
	called := time.Since(r.began)
	response, err := client.Get(ctx, historyPrefix, clientv3.WithPrefix())
	if err != nil {
		return
	}
	values := map[string]string{}
	for _, kv := range response.Kvs {
		values[string(kv.Key)] = string(kv.Value)
	}
	for i := range historyKeys {
		key := fmt.Sprintf("%s%d", historyPrefix, i)
		r.note(id, step{key: key, read: true, value: values[key]}, called, applied)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = append(r.lists, response)
}

// watch is what a client sees of the keys while they change, up to the key last. A watch that ends
// is begun again where it ended, as the API server does.
func watch(ctx context.Context, client *clientv3.Client, last string) (all []event, again int) {
	for next := int64(1); ctx.Err() == nil; again++ {
		attempt, cancel := context.WithCancel(ctx)
		for response := range client.Watch(attempt, historyPrefix, clientv3.WithPrefix(), clientv3.WithRev(next)) {
			for _, e := range response.Events {
				if string(e.Kv.Key) == last {
					cancel()
					return all, again
				}
				next = e.Kv.ModRevision + 1
				value := string(e.Kv.Value)
				if e.Type == clientv3.EventTypeDelete {
					value = ""
				}
				all = append(all, event{string(e.Kv.Key), value, e.Kv.ModRevision})
			}
		}
		cancel()
	}
	return all, again
}

// watched is everything that happened to the keys, up to a last write by the test itself.
func watched(t *testing.T, client *clientv3.Client, last string) []event {
	t.Helper()
	all, _ := watch(t.Context(), client, last)
	return all
}

// checkEvents compares what was watched with what was acknowledged and listed.
func (r *recorder) checkEvents(t *testing.T, events []event) {
	t.Helper()
	seen := map[event]bool{}
	for i, e := range events {
		if i > 0 && e.revision <= events[i-1].revision {
			t.Errorf("%+v was watched after %+v", e, events[i-1])
		}
		seen[e] = true
	}
	for _, e := range r.acked {
		if !seen[e] {
			t.Errorf("%+v was acknowledged and not watched", e)
		}
	}
	for _, list := range r.lists {
		at := map[string]event{}
		for _, e := range events {
			if e.revision <= list.Header.Revision {
				at[e.key] = e
			}
		}
		present := map[string]bool{}
		for _, kv := range list.Kvs {
			present[string(kv.Key)] = true
			if e := at[string(kv.Key)]; e.revision != kv.ModRevision || e.value != string(kv.Value) {
				t.Errorf("a list at %d has %s = %s at %d; watched was %+v", list.Header.Revision, kv.Key, kv.Value, kv.ModRevision, e)
			}
		}
		for key, e := range at {
			if e.value != "" && !present[key] {
				t.Errorf("a list at %d lacks %+v", list.Header.Revision, e)
			}
		}
	}
}

// linearizable runs the clients against a store and checks what they saw; calm ends what disturbs
// it.
func linearizable(t *testing.T, store *Store, seed uint64, calm func()) {
	t.Helper()
	r := &recorder{store: store, began: time.Now()}
	const last = historyPrefix + "last"
	var group, watching sync.WaitGroup
	var seen [historyClients][]event
	var again atomic.Int64
	for id := range historyClients {
		client := etcd(t, store)
		group.Go(func() { r.run(t.Context(), t, id, client, rand.New(rand.NewPCG(seed, uint64(id)))) })
		watching.Go(func() {
			events, times := watch(t.Context(), client, last)
			seen[id] = events
			again.Add(int64(times))
		})
	}
	group.Wait()
	calm()
	client := etcd(t, store)
	put(t, client, last, "value")
	events := watched(t, client, last)
	watching.Wait()
	r.checkEvents(t, events)
	for id := range seen {
		if !slices.Equal(seen[id], events) {
			t.Errorf("client %d has watched %d events, in the end there are %d", id, len(seen[id]), len(events))
		}
	}
	model := model.ToModel()
	if porcupine.CheckOperations(model, r.history) != true {
		t.Errorf("the history of seed %d is not linearizable", seed)
	}
	failures := 0
	for _, o := range r.history {
		if o.Output == unknown {
			failures++
		}
	}
	t.Logf("seed %d: %d steps, %d writes acknowledged, %d failed, %d lists, %d events for each of %d watches, %d of them begun again",
		seed, len(r.history), len(r.acked), failures, len(r.lists), len(events), historyClients, again.Load())
}

// TestLinearizable: what concurrent clients see of a store that works is what they would see if
// they took turns.
func TestLinearizable(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer mustClose(t, store)
	linearizable(t, store, 1, func() {})
}
