// SPDX-License-Identifier: Apache-2.0

package limavm

import "sync"

// shared is a map that several workers may use at the same time. The zero value is ready for use.
type shared[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]V
}

func (s *shared[K, V]) get(key K) (V, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[key]
	return v, ok
}

func (s *shared[K, V]) set(key K, v V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[K]V{}
	}
	s.values[key] = v
}

func (s *shared[K, V]) forget(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
}
