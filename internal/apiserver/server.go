// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsinformers "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions/apiextensions/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	genericadmission "k8s.io/apiserver/pkg/admission"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/apiserver/credentials"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/version"
)

// shutdownTimeout is how long connections may take to close after all requests were answered.
const shutdownTimeout = 250 * time.Millisecond

// drainInterval is the time between two attempts to close idle connections during the shutdown.
const drainInterval = 5 * time.Millisecond

// waitingHook is the check of the hook by which the API machinery waits for the definitions.
const waitingHook = "poststarthook/crd-informer-synced"

// resync is the resync interval of informers. Nothing in this package relies on it.
const resync = 10 * time.Minute

// Options are the options of New.
type Options struct {
	// Access has the listener and the tokens of callers.
	Access *Access
	// Dial opens a connection to the store.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Rules are the admission rules, in the order in which they are called.
	Rules []rules.Rule
	// Definitions are the CustomResourceDefinitions that are served when the server becomes ready.
	Definitions []*apiextensionsv1.CustomResourceDefinition
	// Build is this program's. Definitions that it installs carry it: see planInstallations.
	Build version.Build
	// Handlers serve paths of their own beside the API, to callers who may do everything.
	Handlers map[string]http.Handler
}

// Server is an API server. It can be run once.
type Server struct {
	*Access
	options     Options
	readiness   *readiness
	groups      groups
	informers   informers.SharedInformerFactory
	definitions apiextensionsinformers.CustomResourceDefinitionInformer
	server      *genericapiserver.GenericAPIServer
	ready       chan struct{}
	// stoppable are the checks of the hooks that must have ended before the server may be stopped.
	stoppable []healthz.HealthChecker
}

// parts are shared by the chained servers while they are built.
type parts struct {
	groups    groups
	storage   serverstorage.StorageFactory
	accounts  accounts
	informers informers.SharedInformerFactory
}

// New builds a server. It serves from Run on, which also closes the listener at its end.
func New(options Options) (*Server, error) {
	s := &Server{Access: options.Access, options: options, readiness: newReadiness(), groups: newGroups(), ready: make(chan struct{})}
	if err := s.build(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) build() error {
	loopbackToken := credentials.NewToken()
	s.readiness.exempt(loopbackToken)
	config, err := baseConfig(s.Access, loopbackToken, s.groups, s.readiness)
	if err != nil {
		return err
	}
	storage := storageOptions(s.options.Dial, credentials.NewToken())
	factory, err := addStorage(config, storage)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config.LoopbackClientConfig)
	if err != nil {
		return fmt.Errorf("building the loopback client: %w", err)
	}
	s.informers = informers.NewSharedInformerFactory(client, resync)
	accounts, err := s.addSecurity(config, client)
	if err != nil {
		return err
	}
	inner, err := newExtensions(config, *storage, s.informers)
	if err != nil {
		return err
	}
	s.definitions = inner.Informers.Apiextensions().V1().CustomResourceDefinitions()
	s.stoppable = hookChecks(inner.GenericAPIServer)
	s.server, err = newOuter(config, &parts{groups: s.groups, storage: factory, accounts: accounts, informers: s.informers}, inner)
	if err != nil {
		return err
	}
	for path, handler := range s.options.Handlers {
		s.server.Handler.NonGoRestfulMux.Handle(path, handler)
	}
	return nil
}

// addSecurity sets authentication, authorization and admission in the configuration.
func (s *Server) addSecurity(config *genericapiserver.Config, client kubernetes.Interface) (accounts, error) {
	accounts, err := newAccounts(s.credentials.SigningKey, client)
	if err != nil {
		return accounts, err
	}
	access := newAccess(s.informers)
	config.Authentication.APIAudiences = accounts.audiences
	config.Authentication.Authenticator = newAuthenticator(s.tokens, accounts.verifier)
	config.Authorization.Authorizer = access.authorizer()
	config.RuleResolver = access
	lifecycle, err := newLifecycle(client, s.informers)
	if err != nil {
		return accounts, err
	}
	config.AdmissionControl = genericadmission.NewChainHandler(lifecycle, newPlugin(append(namespaceRules(), s.options.Rules...)))
	return accounts, nil
}

// Ready returns a channel that is closed when the server is ready: requests are answered, admission
// rules are in force, and all definitions are served.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run serves until ctx ends, lets running requests finish, and returns. It returns an error when
// the server cannot become ready. When it returns before the server was ready, the process is to
// end, too: parts of the server may be left.
func (s *Server) Run(ctx context.Context) error {
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if s.mayStop() {
			cancel()
		}
	}()
	s.server.ShutdownTimeout = shutdownTimeout
	served := make(chan error, 1)
	prepared := s.server.PrepareRun()
	go func() { served <- prepared.RunWithContext(serving) }()
	prepareErr := s.prepare(ctx)
	if prepareErr == nil {
		select {
		case err := <-served:
			return err
		case <-ctx.Done():
		}
	}
	if !s.mayStop() {
		return prepareErr
	}
	cancel()
	return errors.Join(prepareErr, s.drain(served))
}

// mayStop reports whether the server can be shut down. The hook by which it waits for its
// definitions ends the whole process when it is interrupted, before the reason is reported. A
// server that has not come that far is left running.
func (s *Server) mayStop() bool {
	return !slices.ContainsFunc(s.stoppable, func(check healthz.HealthChecker) bool { return check.Check(nil) != nil })
}

// hookChecks are the checks that fail until a hook of a server that waits for something has ended.
func hookChecks(server *genericapiserver.GenericAPIServer) []healthz.HealthChecker {
	return slices.DeleteFunc(slices.Clone(server.HealthzChecks()), func(check healthz.HealthChecker) bool {
		return check.Name() != waitingHook
	})
}

// drain returns the server's error when it has ended. Until then it closes idle connections of this
// process's own clients, for which the server would wait.
func (s *Server) drain(served <-chan error) error {
	transport, err := rest.TransportFor(s.withToken("")) // all clients in this process share it
	if err != nil {
		return errors.Join(err, <-served)
	}
	ticker := time.NewTicker(drainInterval)
	defer ticker.Stop()
	for {
		utilnet.CloseIdleConnectionsFor(transport)
		select {
		case err := <-served:
			return err
		case <-ticker.C:
		}
	}
}

// prepare makes the server ready, and ends the delay of requests.
func (s *Server) prepare(ctx context.Context) error {
	started := time.Now()
	if err := s.bootstrap(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it was ready
		}
		return fmt.Errorf("preparing the API server: %w", err)
	}
	s.readiness.reach()
	if err := s.startNamespaceController(ctx); err != nil {
		return err
	}
	close(s.ready)
	klog.InfoS("API server is ready", "address", s.listener.Addr().String(), "preparing", time.Since(started).Round(time.Millisecond))
	return nil
}

func (s *Server) startNamespaceController(ctx context.Context) error {
	controller, err := newNamespaceController(ctx, s.Config(rules.NamespaceControllerName), s.informers)
	if err != nil {
		return fmt.Errorf("starting the namespace controller: %w", err)
	}
	go controller.run(ctx)
	return nil
}
