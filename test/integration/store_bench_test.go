// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"rancherdesktop.io/rdd/test/apitest"
)

// BenchmarkCreate creates small ConfigMaps through the API, by one client and by eight at once.
func BenchmarkCreate(b *testing.B) {
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			server := apitest.Start(b)
			var next atomic.Int64
			var mu sync.Mutex
			var all []time.Duration
			var group sync.WaitGroup
			b.ResetTimer()
			for range writers {
				config := server.Config("rdd:user")
				config.QPS = -1
				client, err := kubernetes.NewForConfig(config)
				if err != nil {
					b.Fatal(err)
				}
				group.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						began := time.Now()
						_, err := client.CoreV1().ConfigMaps("default").Create(b.Context(), &corev1.ConfigMap{
							ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("bench-%d", i)}, Data: map[string]string{"key": "value"},
						}, metav1.CreateOptions{})
						if err != nil {
							b.Error(err)
							return
						}
						mu.Lock()
						all = append(all, time.Since(began))
						mu.Unlock()
					}
				})
			}
			group.Wait()
			b.StopTimer()
			slices.Sort(all)
			if len(all) > 0 {
				b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
		})
	}
}
