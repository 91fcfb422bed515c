// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"k8s.io/client-go/rest"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// StoreHealth asks the running daemon of an instance how its store is; nil when that daemon is of a
// version that does not say so.
func StoreHealth(ctx context.Context, inst instance.Instance) (*presence.StoreHealth, error) {
	config, err := Config(inst)
	if err != nil {
		return nil, err
	}
	health, err := storeHealth(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon how its store is: %w", err)
	}
	return health, nil
}

func storeHealth(ctx context.Context, config *rest.Config) (*presence.StoreHealth, error) {
	caller, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+presence.StoreHealthPath, nil)
	if err != nil {
		return nil, err
	}
	response, err := caller.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil
	default:
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	var health presence.StoreHealth
	if err := json.NewDecoder(response.Body).Decode(&health); err != nil {
		return nil, fmt.Errorf("reading its answer: %w", err)
	}
	return &health, nil
}
