// SPDX-License-Identifier: Apache-2.0

package quiet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"

	_ "rancherdesktop.io/rdd/internal/apiserver/quiet" // what is tested
)

// asking has this program ask a store that knows nothing, and end.
const asking = "RDD_TEST_ASKING"

func TestMain(m *testing.M) {
	if os.Getenv(asking) == "" {
		os.Exit(m.Run())
	}
	fmt.Println("answer:", ask())
}

// ask returns the error of a request to a server without services.
func ask() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	defer server.Stop()
	go func() { _ = server.Serve(listener) }()
	prober, err := factory.CreateProber(storagebackend.Config{
		Transport: storagebackend.TransportConfig{ServerList: []string{"http://" + listener.Addr().String()}},
	})
	if err != nil {
		return err
	}
	return errors.Join(prober.Probe(context.Background()), prober.Close())
}

// TestTheClientIsSilent: the error of a request that fails is all that it says.
func TestTheClientIsSilent(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), asking+"=1")
	out, err := command.CombinedOutput()
	const answer = "answer: error getting data from etcd: rpc error: code = Unimplemented"
	if text := string(out); err != nil || !strings.HasPrefix(text, answer) || strings.Count(text, "\n") != 1 {
		t.Errorf("got %q, %v", text, err)
	}
}
