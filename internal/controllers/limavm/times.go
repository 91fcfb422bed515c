// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"sync"
	"time"
)

// sharedTimes remembers a time per key for several workers.
type sharedTimes[K comparable] struct {
	mu    sync.Mutex
	times map[K]time.Time
}

func (s *sharedTimes[K]) get(key K) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.times[key]
	return t, ok
}

func (s *sharedTimes[K]) set(key K, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == nil {
		s.times = map[K]time.Time{}
	}
	s.times[key] = t
}

func (s *sharedTimes[K]) forget(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.times, key)
}
