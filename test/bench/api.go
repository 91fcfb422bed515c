// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	apiInstance = "bench"
	latencyRuns = 300
	writers     = 8
	perWriter   = 250
	listed      = 5000
)

// api measures an idle daemon, and the requests of its clients.
func (b *bench) api(ctx context.Context) error {
	if _, _, _, err := b.rddRun(ctx, apiInstance, "service", "start"); err != nil {
		return err
	}
	if err := b.repeat(ctx, "rdd version", apiInstance, "version"); err != nil {
		return err
	}
	if err := b.repeat(ctx, "rdd ctl get ns", apiInstance, "ctl", "get", "ns"); err != nil {
		return err
	}
	return b.memory(ctx)
}

func (b *bench) memory(ctx context.Context) error {
	pid, err := b.daemonPID(ctx, apiInstance)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || (fields[0] != "VmRSS:" && fields[0] != "RssAnon:") {
			continue
		}
		kib, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return err
		}
		b.figures = append(b.figures, summary("idle "+strings.TrimSuffix(fields[0], ":"), "MB", []float64{kib * 1024 / 1e6}, nil))
	}
	return nil
}

// store measures reads and writes of the API as a client does them.
func (b *bench) store(ctx context.Context) error {
	out, _, _, err := b.rddRun(ctx, apiInstance, "service", "paths", "config")
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", strings.TrimSpace(string(out)))
	if err != nil {
		return err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, measure := range []func(context.Context, kubernetes.Interface) error{b.latency, b.freshList, b.watch, b.throughput} {
		if err := measure(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"key": "value"}}
}

func timed(do func() error) (float64, error) {
	began := time.Now()
	err := do()
	return time.Since(began).Seconds(), err
}

func (b *bench) latency(ctx context.Context, client kubernetes.Interface) error {
	maps := client.CoreV1().ConfigMaps("default")
	var creates, gets []float64
	for i := range latencyRuns {
		name := fmt.Sprintf("latency-%d", i)
		took, err := timed(func() error { _, err := maps.Create(ctx, configMap(name), metav1.CreateOptions{}); return err })
		if err != nil {
			return err
		}
		creates = append(creates, took)
		took, err = timed(func() error { _, err := maps.Get(ctx, name, metav1.GetOptions{}); return err })
		if err != nil {
			return err
		}
		gets = append(gets, took)
	}
	b.figures = append(b.figures, summary("ConfigMap create", "s", creates, nil), summary("ConfigMap get", "s", gets, nil))
	return nil
}

// freshList lists one resource right after a write to another. A consistent list must wait until
// the server's cache has that write.
func (b *bench) freshList(ctx context.Context, client kubernetes.Interface) error {
	var lists []float64
	for i := range latencyRuns {
		if _, err := client.CoreV1().ConfigMaps("default").Create(
			ctx, configMap(fmt.Sprintf("fresh-%d", i)), metav1.CreateOptions{},
		); err != nil {
			return err
		}
		took, err := timed(func() error { _, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{}); return err })
		if err != nil {
			return err
		}
		lists = append(lists, took)
	}
	b.figures = append(b.figures, summary("list after another's write", "s", lists, nil))
	return nil
}

func (b *bench) watch(ctx context.Context, client kubernetes.Interface) error {
	maps := client.CoreV1().ConfigMaps("default")
	current, err := maps.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return err
	}
	watcher, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: current.ResourceVersion})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	var delays []float64
	for i := range latencyRuns {
		took, err := timed(func() error {
			if _, err := maps.Create(ctx, configMap(fmt.Sprintf("watch-%d", i)), metav1.CreateOptions{}); err != nil {
				return err
			}
			if _, open := <-watcher.ResultChan(); !open {
				return fmt.Errorf("the watch was closed")
			}
			return nil
		})
		if err != nil {
			return err
		}
		delays = append(delays, took)
	}
	b.figures = append(b.figures, summary("create → watch event", "s", delays, nil))
	return nil
}

func (b *bench) throughput(ctx context.Context, client kubernetes.Interface) error {
	maps := client.CoreV1().ConfigMaps("default")
	create := func(prefix string, count int) error {
		group, ctx := errgroup.WithContext(ctx)
		for w := range writers {
			group.Go(func() error {
				for i := range count {
					if _, err := maps.Create(ctx, configMap(fmt.Sprintf("%s-%d-%d", prefix, w, i)), metav1.CreateOptions{}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return group.Wait()
	}
	took, err := timed(func() error { return create("rate", perWriter) })
	if err != nil {
		return err
	}
	b.figures = append(b.figures, summary(fmt.Sprintf("creates, %d writers", writers), "1/s", []float64{writers * perWriter / took}, nil))
	if err := create("list", (listed-writers*perWriter-3*latencyRuns)/writers); err != nil {
		return err
	}
	var lists []float64
	for range b.runs {
		took, err := timed(func() error { _, err := maps.List(ctx, metav1.ListOptions{}); return err })
		if err != nil {
			return err
		}
		lists = append(lists, took)
	}
	b.figures = append(b.figures, summary(fmt.Sprintf("list of %d", listed), "s", lists, nil))
	return nil
}
