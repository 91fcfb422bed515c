// SPDX-License-Identifier: Apache-2.0

// Package credentials has the secrets by which an instance's API server and its callers know each
// other: the serving certificate, the key of service account tokens, and the user's token. They are
// files that outlive the daemon. What is missing or cannot be used is made anew.
package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
)

const tokenBytes = 32

// Credentials are the secrets of one instance. They are kept in files of mode 0600, and stay the
// same when the daemon is restarted.
type Credentials struct {
	// Certificate and Key are PEM. The certificate is its own authority.
	Certificate, Key []byte
	// SigningKey signs service account tokens.
	SigningKey *ecdsa.PrivateKey
	// UserToken is the bearer token of the instance's user.
	UserToken string
	// Made says what was there and had to be made anew, and why, one sentence each.
	Made []string
}

// Load reads the instance's credentials from dir, and makes those that are missing or cannot be
// used. An error says what cannot be made.
func Load(dir string) (Credentials, error) {
	var c Credentials
	var made string
	var err error
	if c.Certificate, c.Key, made, err = servingPair(dir); err != nil {
		return c, fmt.Errorf("preparing the serving certificate: %w", err)
	}
	c.note("The serving certificate", made)
	if _, c.SigningKey, made, err = loadKey(filepath.Join(dir, "service-account.key")); err != nil {
		return c, fmt.Errorf("preparing the service account key: %w", err)
	}
	c.note("The service account key", made)
	if c.UserToken, made, err = userToken(filepath.Join(dir, "token")); err != nil {
		return c, fmt.Errorf("preparing the user's token: %w", err)
	}
	c.note("The user's token", made)
	return c, nil
}

func (c *Credentials) note(what, reason string) {
	if reason != "" {
		c.Made = append(c.Made, what+" was made anew: "+reason)
	}
}

// reason says why a file cannot be used; empty when there was none.
func reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return err.Error()
}

// loadKey reads a key, and makes it anew where it cannot be used. made says why.
func loadKey(path string) (data []byte, key *ecdsa.PrivateKey, made string, err error) {
	data, err = regular.ReadFile(path)
	if err == nil {
		if key, err = parseKey(data); err == nil {
			return data, key, "", nil
		}
	}
	made = reason(err)
	if key, data, err = newKey(); err != nil {
		return nil, nil, "", err
	}
	return data, key, made, atomicfile.Write(path, data, 0o600)
}

// newKey generates an ECDSA P-256 key. Generating an RSA key takes 0.2 s and more, in each first
// start.
func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func parseKey(data []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("the key is no PEM file")
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func userToken(path string) (token, made string, err error) {
	data, err := regular.ReadFile(path)
	token = strings.TrimSpace(string(data))
	if err == nil && len(token) == 2*tokenBytes {
		return token, "", nil
	}
	if err == nil {
		err = fmt.Errorf("%s has %d characters, not %d", path, len(token), 2*tokenBytes)
	}
	made, token = reason(err), NewToken()
	return token, made, atomicfile.Write(path, []byte(token+"\n"), 0o600)
}

// NewToken returns a random bearer token.
func NewToken() string {
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails: it ends the program instead
	return hex.EncodeToString(random[:])
}
