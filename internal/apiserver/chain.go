// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsv1beta1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1beta1"
	apiextensionsapiserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	apiextensionsoptions "k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	openapiv3controller "k8s.io/apiextensions-apiserver/pkg/controller/openapiv3"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericapifilters "k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/registry/generic"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/util/notfoundhandler"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/informers"
	authenticationrest "k8s.io/kubernetes/pkg/registry/authentication/rest"
	authorizationrest "k8s.io/kubernetes/pkg/registry/authorization/rest"
	coordinationrest "k8s.io/kubernetes/pkg/registry/coordination/rest"
	corerest "k8s.io/kubernetes/pkg/registry/core/rest"
	eventsrest "k8s.io/kubernetes/pkg/registry/events/rest"
	rbacrest "k8s.io/kubernetes/pkg/registry/rbac/rest"
)

// masterCount above 1 would delay every new CustomResourceDefinition by 5 s.
const masterCount = 1

// storageProvider is what the registries of k8s.io/kubernetes have in common.
type storageProvider interface {
	GroupName() string
	NewRESTStorage(serverstorage.APIResourceConfigSource, generic.RESTOptionsGetter) (genericapiserver.APIGroupInfo, error)
}

// newExtensions builds the inner server: CustomResourceDefinitions and what they define.
func newExtensions(
	base *genericapiserver.Config, options genericoptions.EtcdOptions, shared informers.SharedInformerFactory,
) (*apiextensionsapiserver.CustomResourceDefinitions, error) {
	config := *base // the hooks and storage differ, everything else is shared
	config.PostStartHooks = map[string]genericapiserver.PostStartHookConfigEntry{}
	config.RESTOptionsGetter = nil
	config.MergedResourceConfig = apiextensionsapiserver.DefaultAPIResourceConfigSource()
	options.StorageConfig.Codec = apiextensionsapiserver.Codecs.LegacyCodec(
		apiextensionsv1beta1.SchemeGroupVersion, apiextensionsv1.SchemeGroupVersion)
	options.StorageConfig.EncodeVersioner = runtime.NewMultiGroupVersioner(apiextensionsv1.SchemeGroupVersion,
		schema.GroupKind{Group: apiextensionsv1.GroupName})
	if err := options.ApplyTo(&config); err != nil {
		return nil, fmt.Errorf("preparing storage of custom resources: %w", err)
	}
	config.RESTOptionsGetter = progressGetter{config.RESTOptionsGetter} // of the definitions themselves
	extensions := &apiextensionsapiserver.Config{
		GenericConfig: &genericapiserver.RecommendedConfig{Config: config, SharedInformerFactory: shared},
		ExtraConfig: apiextensionsapiserver.ExtraConfig{
			CRDRESTOptionsGetter: progressGetter{apiextensionsoptions.NewCRDRESTOptionsGetter(
				options, config.ResourceTransformers, config.StorageObjectCountTracker)},
			MasterCount:         masterCount,
			ServiceResolver:     webhook.NewDefaultServiceResolver(),
			AuthResolverWrapper: webhook.NewDefaultAuthenticationInfoResolverWrapper(nil, nil, config.LoopbackClientConfig, config.TracerProvider),
		},
	}
	notFound := notfoundhandler.New(config.Serializer, genericapifilters.NoMuxAndDiscoveryIncompleteKey)
	server, err := extensions.Complete().New(genericapiserver.NewEmptyDelegateWithCustomHandler(notFound))
	if err != nil {
		return nil, fmt.Errorf("building the server of custom resources: %w", err)
	}
	return server, nil
}

// newOuter builds the outer server: the built-in groups, delegating everything else to the inner
// one.
func newOuter(
	config *genericapiserver.Config, parts *parts, inner *apiextensionsapiserver.CustomResourceDefinitions,
) (*genericapiserver.GenericAPIServer, error) {
	server, err := config.Complete(parts.informers).New("rdd", inner.GenericAPIServer)
	if err != nil {
		return nil, fmt.Errorf("building the API server: %w", err)
	}
	owned := ownedStorage{progressGetter{config.RESTOptionsGetter}, server.RegisterDestroyFunc}
	var named []*genericapiserver.APIGroupInfo
	for _, provider := range storageProviders(config, parts) {
		info, err := provider.NewRESTStorage(config.MergedResourceConfig, owned)
		if err != nil {
			return nil, fmt.Errorf("preparing API group %q: %w", provider.GroupName(), err)
		}
		if provider.GroupName() != "" {
			named = append(named, &info)
			continue
		}
		if err := withoutCascade(&info); err != nil {
			return nil, fmt.Errorf("preparing the core API group: %w", err)
		}
		if err := server.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, &info); err != nil {
			return nil, fmt.Errorf("installing the core API group: %w", err)
		}
	}
	if err := server.InstallAPIGroups(named...); err != nil {
		return nil, fmt.Errorf("installing API groups: %w", err)
	}
	parts.groups.mirror(server.DiscoveryGroupManager)
	return server, publishCustomOpenAPI(server, config, inner)
}

func storageProviders(config *genericapiserver.Config, parts *parts) []storageProvider {
	return []storageProvider{
		&corerest.GenericConfig{
			StorageFactory:       parts.storage,
			EventTTL:             eventTTL,
			LoopbackClientConfig: config.LoopbackClientConfig,
			ServiceAccountIssuer: parts.accounts.generator,
			APIAudiences:         parts.accounts.audiences,
			Informers:            parts.informers,
		},
		authenticationrest.RESTStorageProvider{Authenticator: config.Authentication.Authenticator, APIAudiences: parts.accounts.audiences},
		authorizationrest.RESTStorageProvider{Authorizer: config.Authorization.Authorizer, RuleResolver: config.RuleResolver},
		coordinationrest.RESTStorageProvider{},
		rbacrest.RESTStorageProvider{Authorizer: config.Authorization.Authorizer},
		eventsrest.RESTStorageProvider{TTL: eventTTL},
	}
}

// publishCustomOpenAPI adds OpenAPI v2 to the outer server, and the schemas of custom resources to
// its OpenAPI v3: the inner server does that itself only when OpenAPI v2 is made at start.
func publishCustomOpenAPI(
	outer *genericapiserver.GenericAPIServer, config *genericapiserver.Config, inner *apiextensionsapiserver.CustomResourceDefinitions,
) error {
	publishOpenAPI2(outer, inner)
	controller := openapiv3controller.NewController(inner.Informers.Apiextensions().V1().CustomResourceDefinitions())
	return outer.AddPostStartHook("rdd-custom-openapi", func(hook genericapiserver.PostStartHookContext) error {
		publishExtensionsOpenAPI(outer, config, inner)
		go controller.Run(outer.OpenAPIV3VersionedService, hook.Done())
		return nil
	})
}
