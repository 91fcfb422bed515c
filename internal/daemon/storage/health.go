// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

// Handlers answer the requests of clients for the health of an instance's store, by path.
func Handlers(inst instance.Instance, health func() datastore.Health) map[string]http.Handler {
	return map[string]http.Handler{presence.StoreHealthPath: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer(filepath.Dir(inst.StoreFile()), health())) // the caller may be gone
	})}
}

func answer(dir string, h datastore.Health) presence.StoreHealth {
	health := presence.StoreHealth{Dir: dir, Free: h.Free, Reserve: h.Reserve, Short: h.Short}
	if f := h.Failure; f != nil {
		message := strings.TrimPrefix(f.Message, "the store: ") // who reads it knows
		health.Failure = &presence.StoreFailure{Cause: string(f.Cause), Message: message, Since: f.Since, Count: f.Count}
	}
	for _, row := range h.Bad {
		health.Bad = append(health.Bad, presence.BadObject{Key: row.Key, Reason: row.Reason})
	}
	return health
}
