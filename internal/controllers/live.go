// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
)

// mapper knows the resources of the kinds that the controllers use, so that no client has to discover them.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	m.Add(appv1.GroupVersion.WithKind("App"), meta.RESTScopeRoot)
	m.AddSpecific(limav1.GroupVersion.WithKind("LimaVM"), limav1.GroupVersion.WithResource("limavms"), limav1.GroupVersion.WithResource("limavm"), meta.RESTScopeNamespace)
	m.Add(rddv1.GroupVersion.WithKind("HostInfo"), meta.RESTScopeRoot)
	m.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	m.Add(corev1.SchemeGroupVersion.WithKind("Secret"), meta.RESTScopeNamespace)
	m.Add(corev1.SchemeGroupVersion.WithKind("Event"), meta.RESTScopeNamespace)
	m.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	return m
}

// liveReader reads through a client that is made when it is first needed: rules
// exist before the server that they read from.
type liveReader struct {
	make   func() (client.Client, error)
	mu     sync.Mutex
	client client.Client
}

func (l *liveReader) get() (client.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client == nil {
		c, err := l.make()
		if err != nil {
			return nil, err
		}
		l.client = c
	}
	return l.client, nil
}

// Get implements client.Reader.
func (l *liveReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	c, err := l.get()
	if err != nil {
		return err
	}
	return c.Get(ctx, key, obj, opts...)
}

// List implements client.Reader.
func (l *liveReader) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	c, err := l.get()
	if err != nil {
		return err
	}
	return c.List(ctx, list, opts...)
}
