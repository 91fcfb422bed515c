// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/test/apitest"
)

// What a week may leave: the last three backups, and one of each of seven days; of the store the
// last 1000 revisions of 8 kB, which a compaction keeps, the space of those before, and the
// write-ahead log. All of a week's revisions are 33 MB.
const (
	weekBackups = 10
	weekStore   = 20 << 20
)

// TestWeek lives through a week of hours: objects change, Events come, the store is compacted as
// the API server asks for it, and backed up. On the third day the clock is a year ahead, from the
// fifth on a year behind. Neither the store nor its backups grow without bound, and the newest
// backup has the newest state.
func TestWeek(t *testing.T) {
	dir := apitest.Dir(t)
	server := apitest.StartIn(t, dir, noRules)
	e := &env{T: t, server: server}
	e.user = e.as("rdd:user")
	path := filepath.Join(dir, "store.db")
	compactor := compactorOf(t, server)
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	objects := make([]*corev1.ConfigMap, 5)
	for i := range objects {
		objects[i] = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("c%d", i)}}
		e.must(e.user.Create(t.Context(), objects[i]))
	}
	last := int64(0)
	for hour := range 7 * 24 {
		switch hour {
		case 2 * 24:
			clock = clock.AddDate(1, 0, 0)
		case 4 * 24:
			clock = clock.AddDate(-2, 0, 0)
		}
		for round := range 5 {
			for _, object := range objects {
				object.Data = map[string]string{"hour": fmt.Sprint(hour, round), "filler": strings.Repeat("x", 4000)}
				e.must(e.user.Update(t.Context(), object))
			}
		}
		e.must(server.Store().Backup(t.Context(), clock.Add(time.Duration(hour)*time.Hour)))
		checkWeek(t, path, hour)
		if last > 0 {
			_, err := compactor.Compact(t.Context(), last)
			e.must(err)
		}
		response, err := compactor.Get(t.Context(), "/none")
		e.must(err)
		last = response.Header.Revision
	}
}

// checkWeek checks what there is after one hour of TestWeek.
func checkWeek(t *testing.T, path string, hour int) {
	t.Helper()
	backups, err := datastore.Backups(path)
	if err != nil || len(backups) == 0 || len(backups) > weekBackups {
		t.Fatalf("hour %d: %d backups, %v", hour, len(backups), err)
	}
	for _, b := range backups[1:] {
		if b.Revision > backups[0].Revision {
			t.Fatalf("hour %d: the newest backup has revision %d, another one has %d", hour, backups[0].Revision, b.Revision)
		}
	}
	size := int64(0)
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > weekStore {
		t.Fatalf("hour %d: the store has %d kB", hour, size>>10)
	}
}

// compactorOf returns a client of a server's store, which compacts as the API server does.
func compactorOf(t *testing.T, server *apitest.Server) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"http://store"},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return server.Store().Dial(ctx, "", address)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}
