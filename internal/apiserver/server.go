// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	genericadmission "k8s.io/apiserver/pkg/admission"
	genericapiserver "k8s.io/apiserver/pkg/server"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/admission"
)

// resync of informers: nothing here relies on it.
const resync = 10 * time.Minute

// Options are what a server needs.
type Options struct {
	// Listener on a loopback address; the server closes it.
	Listener net.Listener
	// TLSDir is an existing directory of mode 0700 for certificates, keys and the user's token.
	TLSDir string
	// Dial opens a connection to the store.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Rules judge requests inside the server.
	Rules []admission.Rule
	// Definitions are the CustomResourceDefinitions to be served before anybody gets an answer.
	Definitions []*apiextensionsv1.CustomResourceDefinition
}

// Server is one API server. It runs once.
type Server struct {
	options     Options
	credentials credentials
	tokens      *tokens
	gate        *gate
	groups      groups
	informers   informers.SharedInformerFactory
	server      *genericapiserver.GenericAPIServer
	ready       chan struct{}
}

// parts are what the construction of the chained servers shares.
type parts struct {
	groups    groups
	storage   serverstorage.StorageFactory
	accounts  accounts
	informers informers.SharedInformerFactory
}

// New builds a server; nothing is served before Run.
func New(options Options) (*Server, error) {
	if err := requireLoopback(options.Listener); err != nil {
		return nil, err
	}
	c, err := loadCredentials(options.TLSDir)
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, credentials: c, tokens: newTokens(), gate: newGate(), groups: newGroups(), ready: make(chan struct{})}
	s.tokens.add(c.userToken, UserName)
	if err := s.build(); err != nil {
		return nil, err
	}
	return s, nil
}

func requireLoopback(listener net.Listener) error {
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok || !address.IP.IsLoopback() {
		return fmt.Errorf("the API server must listen on a loopback address, not on %s", listener.Addr())
	}
	return nil
}

func (s *Server) build() error {
	loopbackToken := newToken()
	s.gate.admit(loopbackToken)
	config, err := baseConfig(s.options.Listener, s.credentials, loopbackToken, s.groups, s.gate)
	if err != nil {
		return err
	}
	storage := storageOptions(s.options.Dial, newToken())
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
	s.server, err = newOuter(config, &parts{groups: s.groups, storage: factory, accounts: accounts, informers: s.informers}, inner)
	return err
}

// addSecurity gives the configuration its authentication, authorization and admission.
func (s *Server) addSecurity(config *genericapiserver.Config, client kubernetes.Interface) (accounts, error) {
	accounts, err := newAccounts(s.credentials.signingKey, client)
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
	config.AdmissionControl = genericadmission.NewChainHandler(lifecycle, newPlugin(s.options.Rules))
	return accounts, nil
}

// Config is how a caller of the given name reaches the server. Every call makes a new token, valid as long as the server runs;
// UserName gets the instance's lasting one.
func (s *Server) Config(user string) *rest.Config {
	token := s.credentials.userToken
	if user != UserName {
		token = newToken()
		s.tokens.add(token, user)
	}
	return clientConfig(s.options.Listener, s.credentials, token)
}

// Ready is closed when requests are answered: admission works and all definitions are established.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run serves until ctx ends, then lets running requests finish, and returns.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.server.ShutdownTimeout = time.Second
	served := make(chan error, 1)
	prepared := s.server.PrepareRun()
	go func() { served <- prepared.RunWithContext(ctx) }()
	prepareErr := s.prepare(ctx)
	if prepareErr != nil {
		cancel()
	}
	return errors.Join(prepareErr, <-served)
}

// prepare makes the server ready and opens the gate.
func (s *Server) prepare(ctx context.Context) error {
	started := time.Now()
	if err := s.bootstrap(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it was ready
		}
		return fmt.Errorf("preparing the API server: %w", err)
	}
	s.gate.open()
	if err := s.startNamespaceController(ctx); err != nil {
		return err
	}
	close(s.ready)
	klog.InfoS("API server is ready", "address", s.options.Listener.Addr().String(), "preparing", time.Since(started).Round(time.Millisecond))
	return nil
}

func (s *Server) startNamespaceController(ctx context.Context) error {
	controller, err := newNamespaceController(ctx, s.Config(NamespaceControllerName), s.informers)
	if err != nil {
		return fmt.Errorf("starting the namespace controller: %w", err)
	}
	go controller.run(ctx)
	return nil
}
