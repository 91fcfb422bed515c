// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"sync"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/discovery"
	"k8s.io/apiserver/pkg/endpoints/discovery/aggregated"
)

// groups is notified of each group version that one of the chained servers begins or ceases to
// serve. The embedded manager builds the aggregated discovery document of them. groups does two
// more things:
//
//   - It adds the groups of custom resources to the plain /apis document, which otherwise has the
//     outer server's own groups only.
//   - It wakes those who wait for a resource to be served. Handler, storage and discovery entries
//     of the resource exist then.
type groups struct {
	aggregated.ResourceManager
	shared *groupState
}

type groupState struct {
	mu      sync.Mutex
	plain   discovery.GroupManager
	served  map[string][]apidiscoveryv2.APIVersionDiscovery
	changed chan struct{}
}

func newGroups() groups {
	return groups{aggregated.NewResourceManager("apis"), &groupState{
		served:  map[string][]apidiscoveryv2.APIVersionDiscovery{},
		changed: make(chan struct{}),
	}}
}

// mirror adds all groups to the plain document as well: the present ones, and later ones.
func (g groups) mirror(plain discovery.GroupManager) {
	g.shared.mu.Lock()
	defer g.shared.mu.Unlock()
	g.shared.plain = plain
	for name := range g.shared.served {
		g.shared.publish(name)
	}
}

// WithSource implements aggregated.ResourceManager.
func (g groups) WithSource(source aggregated.Source) aggregated.ResourceManager {
	return groups{g.ResourceManager.WithSource(source), g.shared}
}

// AddGroupVersion implements aggregated.ResourceManager.
func (g groups) AddGroupVersion(name string, version apidiscoveryv2.APIVersionDiscovery) {
	g.ResourceManager.AddGroupVersion(name, version)
	g.shared.update(name, func(versions []apidiscoveryv2.APIVersionDiscovery) []apidiscoveryv2.APIVersionDiscovery {
		return append(without(versions, version.Version), version)
	})
}

// RemoveGroup implements aggregated.ResourceManager.
func (g groups) RemoveGroup(name string) {
	g.ResourceManager.RemoveGroup(name)
	g.shared.update(name, func([]apidiscoveryv2.APIVersionDiscovery) []apidiscoveryv2.APIVersionDiscovery { return nil })
}

// RemoveGroupVersion implements aggregated.ResourceManager.
func (g groups) RemoveGroupVersion(gv metav1.GroupVersion) {
	g.ResourceManager.RemoveGroupVersion(gv)
	g.shared.update(gv.Group, func(versions []apidiscoveryv2.APIVersionDiscovery) []apidiscoveryv2.APIVersionDiscovery {
		return without(versions, gv.Version)
	})
}

func without(versions []apidiscoveryv2.APIVersionDiscovery, name string) []apidiscoveryv2.APIVersionDiscovery {
	var rest []apidiscoveryv2.APIVersionDiscovery
	for _, version := range versions {
		if version.Version != name {
			rest = append(rest, version)
		}
	}
	return rest
}

func (s *groupState) update(name string, change func([]apidiscoveryv2.APIVersionDiscovery) []apidiscoveryv2.APIVersionDiscovery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served[name] = change(s.served[name])
	s.publish(name)
	close(s.changed)
	s.changed = make(chan struct{})
}

// publish updates one group in the plain document. The caller holds mu.
func (s *groupState) publish(name string) {
	if s.plain == nil {
		return
	}
	if len(s.served[name]) == 0 {
		s.plain.RemoveGroup(name)
		return
	}
	group := metav1.APIGroup{Name: name}
	for _, version := range s.served[name] {
		gv := schema.GroupVersion{Group: name, Version: version.Version}
		group.Versions = append(group.Versions, metav1.GroupVersionForDiscovery{GroupVersion: gv.String(), Version: gv.Version})
	}
	group.PreferredVersion = group.Versions[0]
	s.plain.AddGroup(group)
}

// wait returns nil when all the resources are served, or the error of ctx.
func (g groups) wait(ctx context.Context, resources []schema.GroupVersionResource) error {
	for {
		changed, missing := g.shared.missing(resources)
		if !missing {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// missing reports whether a resource is not served. The channel is closed by the next change.
func (s *groupState) missing(resources []schema.GroupVersionResource) (<-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range resources {
		if !s.serves(resource) {
			return s.changed, true
		}
	}
	return s.changed, false
}

func (s *groupState) serves(resource schema.GroupVersionResource) bool {
	for _, version := range s.served[resource.Group] {
		for _, candidate := range version.Resources {
			if version.Version == resource.Version && candidate.Resource == resource.Resource {
				return true
			}
		}
	}
	return false
}
