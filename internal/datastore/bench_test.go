// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// benchWriters is how many clients write at once in the concurrent benchmarks.
const benchWriters = 8

// BenchmarkCreate measures creates of 2 KiB by one client and by several, through the etcd
// protocol.
func BenchmarkCreate(b *testing.B) {
	for _, writers := range []int{1, benchWriters} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			store, err := Open(filepath.Join(b.TempDir(), "store.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			client := etcd(b, store)
			value := string(bytes.Repeat([]byte("v"), 2048))
			inParallel(b, writers, func(i int64) error {
				return create(b.Context(), client, fmt.Sprintf("/registry/key-%d", i), value)
			})
		})
	}
}

// BenchmarkUpdate measures updates of as many keys as there are writers.
func BenchmarkUpdate(b *testing.B) {
	store, err := Open(filepath.Join(b.TempDir(), "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	client := etcd(b, store)
	value := string(bytes.Repeat([]byte("v"), 2048))
	var revision int64
	inParallel(b, 1, func(int64) error {
		key := "/registry/key"
		response, err := client.Txn(b.Context()).If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
			Then(clientv3.OpPut(key, value)).Else(clientv3.OpGet(key)).Commit()
		if err != nil || !response.Succeeded {
			return fmt.Errorf("updating at %d: %+v, %w", revision, response, err)
		}
		revision = response.Header.Revision
		return nil
	})
}

// inParallel does something b.N times, and reports the rate and the middle duration.
func inParallel(b *testing.B, writers int, do func(i int64) error) {
	b.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	var group sync.WaitGroup
	b.ResetTimer()
	for range writers {
		group.Go(func() {
			var own []time.Duration
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				began := time.Now()
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
		})
	}
	group.Wait()
	b.StopTimer()
	slices.Sort(all)
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}
