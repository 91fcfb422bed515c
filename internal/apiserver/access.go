// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"net"

	"k8s.io/client-go/rest"

	"rancherdesktop.io/rdd/internal/rules"
)

// Access is where a server will listen and who its callers are. It exists before the server,
// because admission rules, which a server is built with, may be callers themselves.
type Access struct {
	listener    net.Listener
	credentials credentials
	tokens      *tokens
}

// NewAccess prepares access to a server on a loopback listener. Certificates, keys and the user's
// token are kept in tlsDir, an existing directory of mode 0700, and made when they are missing.
func NewAccess(listener net.Listener, tlsDir string) (*Access, error) {
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok || !address.IP.IsLoopback() {
		return nil, fmt.Errorf("the API server must listen on a loopback address, not on %s", listener.Addr())
	}
	c, err := loadCredentials(tlsDir)
	if err != nil {
		return nil, err
	}
	a := &Access{listener: listener, credentials: c, tokens: newTokens()}
	a.tokens.add(c.userToken, rules.UserName)
	return a, nil
}

// Config is how a caller of the given name reaches the server. Every call makes a new token, valid
// as long as the server runs; rules.UserName gets the instance's lasting one.
func (a *Access) Config(user string) *rest.Config {
	token := a.credentials.userToken
	if user != rules.UserName {
		token = newToken()
		a.tokens.add(token, user)
	}
	return a.withToken(token)
}

// withToken is how the holder of token reaches the server.
func (a *Access) withToken(token string) *rest.Config {
	return &rest.Config{
		Host:               "https://" + a.listener.Addr().String(),
		BearerToken:        token,
		TLSClientConfig:    rest.TLSClientConfig{CAData: a.credentials.certificate},
		QPS:                -1, // the server is in this process or on this machine: no throttling
		DisableCompression: true,
	}
}
