// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"slices"
	"strings"

	restful "github.com/emicklei/go-restful/v3"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsapiserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/kube-openapi/pkg/builder3"
	"k8s.io/kube-openapi/pkg/cached"
	"k8s.io/kube-openapi/pkg/common/restfuladapter"
	"k8s.io/kube-openapi/pkg/spec3"
)

// publishExtensionsOpenAPI adds the inner server's own group, that of CustomResourceDefinitions, to
// the outer server's OpenAPI v3 document. It is built by the first request for it.
func publishExtensionsOpenAPI(
	outer *genericapiserver.GenericAPIServer, config *genericapiserver.Config, inner *apiextensionsapiserver.CustomResourceDefinitions,
) {
	path, services := strings.TrimPrefix(extensionsRoot, "/"), extensionServices(inner)
	outer.OpenAPIV3VersionedService.UpdateGroupVersionLazy(path, cached.Once(cached.Func(func() (*spec3.OpenAPI, string, error) {
		document, err := builder3.BuildOpenAPISpecFromRoutes(restfuladapter.AdaptWebServices(services), config.OpenAPIV3Config)
		return document, path, err
	})))
}

// extensionsRoot is the path of the inner server's own group.
const extensionsRoot = "/apis/" + apiextensionsv1.GroupName + "/v1"

// extensionServices are the routes of that group.
func extensionServices(inner *apiextensionsapiserver.CustomResourceDefinitions) []*restful.WebService {
	return slices.DeleteFunc(slices.Clone(inner.GenericAPIServer.Handler.GoRestfulContainer.RegisteredWebServices()),
		func(service *restful.WebService) bool { return service.RootPath() != extensionsRoot })
}
