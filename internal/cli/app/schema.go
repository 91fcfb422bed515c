// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/api/crds"
	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

const (
	// appDefinition is the name of the App's CustomResourceDefinition in the API, appDefinitionFile
	// its file in package crds.
	appDefinition     = "apps.app.rancherdesktop.io"
	appDefinitionFile = "app.rancherdesktop.io_apps.yaml"
)

// readSchema reads the schema of the App's spec from the API.
func readSchema(ctx context.Context, c ctrlclient.Reader) (*property.Schema, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := c.Get(ctx, ctrlclient.ObjectKey{Name: appDefinition}, crd); err != nil {
		return nil, fmt.Errorf("reading the App's schema: %w", err)
	}
	return property.Of(crd, appv1.GroupVersion.Version)
}

// embeddedSchema is the schema of the App's spec that a daemon of this build installs.
func embeddedSchema() (*property.Schema, error) {
	data, err := crds.Files.ReadFile(appDefinitionFile)
	if err != nil {
		return nil, fmt.Errorf("reading the App's schema: %w", err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(data, crd); err != nil {
		return nil, fmt.Errorf("reading the App's schema: %w", err)
	}
	return property.Of(crd, appv1.GroupVersion.Version)
}

// knownSchema is the schema in the API of a running daemon, or the embedded one. It starts nothing.
func knownSchema(ctx context.Context, s *session.Session) (*property.Schema, error) {
	ctx, cancel := context.WithTimeout(ctx, session.CompletionTimeout)
	defer cancel()
	if c, err := s.Peek(ctx); err == nil {
		if schema, err := readSchema(ctx, c); err == nil {
			return schema, nil
		}
	}
	return embeddedSchema()
}

// schemaAndSpec reads the schema and the App's spec, which is nil while there is no App. It does
// not create an instance that does not exist.
func schemaAndSpec(ctx context.Context, s *session.Session) (*property.Schema, map[string]any, error) {
	exists, err := s.InstanceExists()
	if err != nil {
		return nil, nil, err
	}
	if !exists {
		schema, err := embeddedSchema()
		return schema, nil, err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	schema, err := readSchema(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	raw, err := resource.RawApp(ctx, c)
	return schema, resource.RawSpec(raw), err
}
