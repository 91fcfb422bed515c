// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"net"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/apiserver/credentials"
	"rancherdesktop.io/rdd/internal/rules"
)

// Access has a server's listener, and the credentials and tokens of its callers. It exists before
// the server, because a server is built with admission rules, which may be callers themselves. It
// is safe for concurrent use.
type Access struct {
	listener    net.Listener
	credentials credentials.Credentials
	tokens      *tokens
}

// NewAccess prepares access to a server on a listener of the loopback address; others are an error.
// The serving certificate, the keys and the user's token are files in tlsDir, an existing directory
// of mode 0700. What is missing or cannot be used is made anew.
func NewAccess(listener net.Listener, tlsDir string) (*Access, error) {
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok || !address.IP.IsLoopback() {
		return nil, fmt.Errorf("the API server must listen on a loopback address, not on %s", listener.Addr())
	}
	c, err := credentials.Load(tlsDir)
	if err != nil {
		return nil, err
	}
	for _, made := range c.Made {
		klog.InfoS(made)
	}
	a := &Access{listener: listener, credentials: c, tokens: newTokens()}
	a.tokens.add(c.UserToken, rules.UserName)
	return a, nil
}

// Config returns the client configuration for a user name. Each call creates a new token, which is
// valid as long as the server runs. rules.UserName gets the instance's own token, which is valid
// for longer.
func (a *Access) Config(user string) *rest.Config {
	token := a.credentials.UserToken
	if user != rules.UserName {
		token = credentials.NewToken()
		a.tokens.add(token, user)
	}
	return a.withToken(token)
}

// withToken returns the client configuration for the holder of token.
func (a *Access) withToken(token string) *rest.Config {
	return &rest.Config{
		Host:               "https://" + a.listener.Addr().String(),
		BearerToken:        token,
		TLSClientConfig:    rest.TLSClientConfig{CAData: a.credentials.Certificate},
		QPS:                -1, // the server is in this process or on this machine: no throttling
		DisableCompression: true,
	}
}
