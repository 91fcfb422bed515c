// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/features"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/pkg/server/egressselector"
	"k8s.io/apiserver/pkg/server/healthz"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/apiserver/pkg/util/openapi"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsapiserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	generatedopenapi "k8s.io/kubernetes/pkg/generated/openapi"
	"k8s.io/kubernetes/pkg/kubeapiserver"

	"rancherdesktop.io/rdd/internal/apiserver/rows"
)

const (
	// eventTTL is how long Events are kept.
	eventTTL = time.Hour
	// watchGrace is how long open watches may take to end when the server stops.
	watchGrace = 100 * time.Millisecond
	// maxStreams per HTTP/2 connection.
	maxStreams = 1000
)

var errNotReady = errors.New("the server is not ready yet")

// servedVersions are the built-in API groups.
var servedVersions = []schema.GroupVersion{
	corev1.SchemeGroupVersion, rbacv1.SchemeGroupVersion, coordinationv1.SchemeGroupVersion, eventsv1.SchemeGroupVersion,
	authenticationv1.SchemeGroupVersion, authorizationv1.SchemeGroupVersion,
}

// resourceConfig enables what is served; resource quotas would be stored but enforced by nobody.
func resourceConfig() *serverstorage.ResourceConfig {
	config := serverstorage.NewResourceConfig()
	config.EnableVersions(servedVersions...)
	config.DisableResources(corev1.SchemeGroupVersion.WithResource("resourcequotas"))
	return config
}

// baseConfig is the part of the configuration that the chained servers share, without
// authentication, authorization and admission.
func baseConfig(access *Access, loopbackToken string, shared groups, readiness *readiness) (*genericapiserver.Config, error) {
	config := genericapiserver.NewConfig(legacyscheme.Codecs)
	// kine 0.17.5 streams a list's rows while it still reads the revision that each row writes
	// again (logstructured/sqllog ListStream); our lists are too short to gain from streaming.
	if err := utilfeature.DefaultMutableFeatureGate.Set(string(features.EtcdRangeStream) + "=false"); err != nil {
		return nil, fmt.Errorf("switching streamed lists off: %w", err)
	}
	if err := genericoptions.NewServerRunOptions().ApplyTo(config); err != nil {
		return nil, fmt.Errorf("applying server defaults: %w", err)
	}
	certificate, err := dynamiccertificates.NewStaticCertKeyContent("rdd", access.credentials.Certificate, access.credentials.Key)
	if err != nil {
		return nil, fmt.Errorf("using the serving certificate: %w", err)
	}
	config.SecureServing = &genericapiserver.SecureServingInfo{
		Listener: access.listener, Cert: certificate, MinTLSVersion: tls.VersionTLS13, HTTP2MaxStreamsPerConnection: maxStreams,
	}
	config.PublicAddress = net.IPv4(127, 0, 0, 1)
	config.LoopbackClientConfig = access.withToken(loopbackToken)
	config.LoopbackClientConfig.ContentType = "application/vnd.kubernetes.protobuf"
	config.EnableProfiling = false
	config.MergedResourceConfig = resourceConfig()
	config.ShutdownWatchTerminationGracePeriod = watchGrace
	config.AggregatedDiscoveryGroupManager = shared
	config.ResourceTransformers = rows.Transformers{}
	config.ReadyzChecks = append(config.ReadyzChecks, healthz.NamedCheck("rdd", readiness.check))
	config.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return readiness.wrap(genericapiserver.DefaultBuildHandlerChain(handler, c))
	}
	setOpenAPI(config)
	return config, nil
}

// openAPITitle is the title of the API's documents.
const openAPITitle = "Rancher Desktop Daemon"

// setOpenAPI enables OpenAPI v3 only: version 2 would cost 0.3 s of CPU at start and 45 MB. It is
// made on demand: see openAPI2.
func setOpenAPI(config *genericapiserver.Config) {
	config.OpenAPIConfig = nil
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openAPIDefinitions(), openAPINamer())
	config.OpenAPIV3Config.Info.Title = openAPITitle
}

func openAPI2Config() *common.Config {
	config := genericapiserver.DefaultOpenAPIConfig(openAPIDefinitions(), openAPINamer())
	config.Info.Title, config.Info.Version = openAPITitle, "v1"
	return config
}

func openAPIDefinitions() common.GetOpenAPIDefinitions {
	return openapi.GetOpenAPIDefinitionsWithoutDisabledFeatures(generatedopenapi.GetOpenAPIDefinitions)
}

func openAPINamer() *openapinamer.DefinitionNamer {
	return openapinamer.NewDefinitionNamer(legacyscheme.Scheme, apiextensionsapiserver.Scheme)
}

// dialer opens a connection to the store.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// storageOptions reach the store through dial. The name makes the options differ from those of
// another server in this process: Kubernetes shares background work between servers of equal
// options.
func storageOptions(dial dialer, name string) *genericoptions.EtcdOptions {
	options := genericoptions.NewEtcdOptions(storagebackend.NewDefaultConfig(rows.Prefix, nil))
	options.DefaultStorageMediaType = "application/vnd.kubernetes.protobuf"
	options.EnableGarbageCollection = false // there is no collector: an object deleted with a cascade would wait for it for ever
	options.SkipHealthEndpoints = true      // the store is in this process
	options.StorageConfig.Transport.ServerList = []string{"http://" + name}
	options.StorageConfig.Transport.EgressLookup = func(egressselector.NetworkContext) (utilnet.DialFunc, error) {
		return utilnet.DialFunc(dial), nil
	}
	options.StorageConfig.CountMetricPollPeriod = 0
	options.StorageConfig.DBMetricPollInterval = 0
	return options
}

// addStorage gives the configuration its storage.
func addStorage(config *genericapiserver.Config, options *genericoptions.EtcdOptions) (serverstorage.StorageFactory, error) {
	options.StorageConfig.Transport.TracerProvider = config.TracerProvider
	options.StorageConfig.StorageObjectCountTracker = config.StorageObjectCountTracker
	factoryConfig := kubeapiserver.NewStorageFactoryConfigEffectiveVersion(config.EffectiveVersion)
	factoryConfig.APIResourceConfig = config.MergedResourceConfig
	factory, err := factoryConfig.Complete(options).New()
	if err != nil {
		return nil, fmt.Errorf("preparing storage: %w", err)
	}
	if err := options.ApplyWithStorageFactoryTo(factory, config); err != nil {
		return nil, fmt.Errorf("preparing storage: %w", err)
	}
	return factory, nil
}
