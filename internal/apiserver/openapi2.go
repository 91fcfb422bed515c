// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	restful "github.com/emicklei/go-restful/v3"
	"github.com/munnerz/goautoneg"
	apiextensionshelpers "k8s.io/apiextensions-apiserver/pkg/apihelpers"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsapiserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	apiextensionslisters "k8s.io/apiextensions-apiserver/pkg/client/listers/apiextensions/v1"
	crdbuilder "k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder"
	"k8s.io/apimachinery/pkg/labels"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"
	"k8s.io/kube-openapi/pkg/builder"
	"k8s.io/kube-openapi/pkg/cached"
	"k8s.io/kube-openapi/pkg/common/restfuladapter"
	"k8s.io/kube-openapi/pkg/handler"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// openAPI2Path is where kubectl before 1.27 looks for the schemas. Without them it applies,
// creates and explains nothing.
const openAPI2Path = "/openapi/v2"

// openAPI2 serves the OpenAPI v2 document. It is made by the first request for it, and again by the
// first one after a definition has changed. Between requests only its two encodings are kept.
type openAPI2 struct {
	document cached.Value[encodings]
}

// encodings are the document as JSON and as protobuf, and when it was made.
type encodings struct {
	json, protobuf []byte
	made           time.Time
}

// newOpenAPI2 serves the built-in groups of services, and the custom resources of definitions.
func newOpenAPI2(services func() []*restful.WebService, definitions apiextensionslisters.CustomResourceDefinitionLister) openAPI2 {
	return openAPI2{cached.Transform(func(crds []*crd, etag string, err error) (encodings, string, error) {
		if err != nil {
			return encodings{}, "", err
		}
		started := time.Now()
		made, err := encode(services(), crds)
		if err != nil {
			return encodings{}, "", err
		}
		klog.InfoS("Made the OpenAPI v2 document", "bytes", len(made.json), "after", time.Since(started).Round(time.Millisecond))
		return made, etag, nil
	}, cached.Func(func() ([]*crd, string, error) { return servedDefinitions(definitions) }))}
}

// servedDefinitions lists the definitions whose resources are served, by name, and a hash of them.
func servedDefinitions(lister apiextensionslisters.CustomResourceDefinitionLister) ([]*crd, string, error) {
	all, err := lister.List(labels.Everything())
	if err != nil {
		return nil, "", fmt.Errorf("listing the definitions: %w", err)
	}
	served := slices.DeleteFunc(slices.Clone(all), func(d *crd) bool {
		return !apiextensionshelpers.IsCRDConditionTrue(d, apiextensionsv1.Established)
	})
	slices.SortFunc(served, func(a, b *crd) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	for _, d := range served {
		fmt.Fprintln(sum, d.Name, d.UID, d.Generation)
	}
	return served, hex.EncodeToString(sum.Sum(nil)), nil
}

// encode builds the document and its encodings.
func encode(services []*restful.WebService, definitions []*crd) (encodings, error) {
	document, err := builder.BuildOpenAPISpecFromRoutes(restfuladapter.AdaptWebServices(services), openAPI2Config())
	if err != nil {
		return encodings{}, fmt.Errorf("building the OpenAPI v2 document: %w", err)
	}
	document.Definitions = handler.PruneDefaults(document.Definitions)
	if document, err = crdbuilder.MergeSpecs(document, customDocuments(definitions)...); err != nil {
		return encodings{}, fmt.Errorf("joining OpenAPI v2 documents: %w", err)
	}
	e := encodings{made: time.Now()}
	if e.json, err = document.MarshalJSON(); err != nil {
		return e, fmt.Errorf("encoding the OpenAPI v2 document: %w", err)
	}
	if e.protobuf, err = handler.ToProtoBinary(e.json); err != nil {
		return e, fmt.Errorf("encoding the OpenAPI v2 document: %w", err)
	}
	return e, nil
}

// customDocuments are the documents of definitions. One that cannot be made is left out: it is a
// user's, and the others are needed.
func customDocuments(definitions []*crd) []*spec.Swagger {
	var customs []*spec.Swagger
	for _, d := range definitions {
		for _, version := range d.Spec.Versions {
			if !version.Served {
				continue
			}
			custom, err := crdbuilder.BuildOpenAPIV2(d, version.Name, crdbuilder.Options{V2: true})
			if err != nil {
				klog.ErrorS(err, "Leaving a definition out of the OpenAPI v2 document", "definition", d.Name, "version", version.Name)
				continue
			}
			custom.Definitions = handler.PruneDefaults(custom.Definitions)
			customs = append(customs, custom)
		}
	}
	return customs
}

// The media types of the document. The first name of protobuf is that of kubectl before 1.25.
const (
	jsonType     = "json"
	protobufType = "com.github.proto-openapi.spec.v2.v1.0+protobuf"
	protobufOld  = "com.github.proto-openapi.spec.v2@v1.0+protobuf"
)

// ServeHTTP implements http.Handler.
func (o openAPI2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept")
	subtype := negotiate(r.Header.Get("Accept"))
	if subtype == "" {
		w.WriteHeader(http.StatusNotAcceptable)
		return
	}
	document, etag, err := o.document.Get()
	if err != nil {
		klog.ErrorS(err, "Serving OpenAPI v2")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	data := document.json
	if subtype == protobufType {
		data = document.protobuf
	}
	w.Header().Set("Content-Type", "application/"+subtype)
	w.Header().Set("Etag", strconv.Quote(etag))
	http.ServeContent(w, r, openAPI2Path, document.made, bytes.NewReader(data))
}

// negotiate returns the subtype of the encoding that a client accepts; empty when there is none.
func negotiate(accept string) string {
	if accept == "" {
		return jsonType
	}
	for _, clause := range goautoneg.ParseAccept(accept) {
		if clause.Type != "application" && clause.Type != "*" {
			continue
		}
		switch clause.SubType {
		case jsonType, "*":
			return jsonType
		case protobufType, protobufOld:
			return protobufType
		}
	}
	return ""
}

// publishOpenAPI2 adds the document of both servers' groups to the outer server.
func publishOpenAPI2(outer *genericapiserver.GenericAPIServer, inner *apiextensionsapiserver.CustomResourceDefinitions) {
	services := func() []*restful.WebService {
		return append(outer.Handler.GoRestfulContainer.RegisteredWebServices(), extensionServices(inner)...)
	}
	lister := inner.Informers.Apiextensions().V1().CustomResourceDefinitions().Lister()
	outer.Handler.NonGoRestfulMux.Handle(openAPI2Path, newOpenAPI2(services, lister))
}
