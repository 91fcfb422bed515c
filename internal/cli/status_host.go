// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// pingTimeout bounds the question to Docker, which is slow in an emulated guest.
const pingTimeout = 5 * time.Second

// dockerAnswers reports whether Docker answers on a Unix socket.
func dockerAnswers(ctx context.Context, socket string) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return false
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// unclaimedReport is an instance directory that belongs to no LimaVM.
type unclaimedReport struct {
	Dir string `json:"dir"`
	// Owner is the LimaVM it was made for, if it says so.
	Owner string `json:"owner,omitempty"`
}

func (u unclaimedReport) text() string {
	was := "rdd did not make it"
	if u.Owner != "" {
		was = "made for LimaVM " + u.Owner + ", which does not exist any more"
	}
	return fmt.Sprintf("%s: %s; to remove it with its disk: rm -r '%s'", u.Dir, was, u.Dir)
}

// unclaimed lists the instance directories below limaHome whose owner is none of machines.
func unclaimed(limaHome string, machines []limav1.LimaVM) ([]unclaimedReport, error) {
	entries, err := os.ReadDir(limaHome)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for instance directories: %w", err)
	}
	claimed := map[string]bool{}
	for _, machine := range machines {
		claimed[string(machine.UID)] = true
	}
	var found []unclaimedReport
	for _, entry := range entries {
		// Names with a dot or underscore are not instances: work in progress, and Lima's own directories.
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_") {
			continue
		}
		dir := filepath.Join(limaHome, entry.Name())
		owner := readOwner(dir)
		if owner.UID != "" && claimed[owner.UID] {
			continue
		}
		report := unclaimedReport{Dir: dir}
		if owner.UID != "" {
			report.Owner = owner.Namespace + "/" + owner.Name
		}
		found = append(found, report)
	}
	return found, nil
}

// readOwner reads whom a directory was made for; nobody when it does not say.
func readOwner(dir string) vm.Owner {
	var record struct {
		Owner vm.Owner `json:"owner"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "rdd.json"))
	if err != nil || json.Unmarshal(data, &record) != nil {
		return vm.Owner{}
	}
	return record.Owner
}
