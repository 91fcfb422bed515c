// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

const (
	certificateLifetime = 3 * 365 * 24 * time.Hour
	// certificateMargin is how long an existing certificate must still be valid to be used.
	certificateMargin = 30 * 24 * time.Hour
	tokenBytes        = 32
)

// credentials are the secrets of one instance. They are kept in files of mode 0600, and stay the
// same when the daemon is restarted.
type credentials struct {
	certificate, key []byte // PEM; the certificate is its own authority
	signingKey       *ecdsa.PrivateKey
	userToken        string
}

// loadCredentials reads the instance's credentials from dir, and creates those that are missing,
// invalid or about to expire.
func loadCredentials(dir string) (credentials, error) {
	var c credentials
	var err error
	if c.certificate, c.key, err = servingPair(dir); err != nil {
		return c, fmt.Errorf("preparing the serving certificate: %w", err)
	}
	if c.signingKey, err = signingKey(filepath.Join(dir, "service-account.key")); err != nil {
		return c, fmt.Errorf("preparing the service account key: %w", err)
	}
	if c.userToken, err = userToken(filepath.Join(dir, "token")); err != nil {
		return c, fmt.Errorf("preparing the user's token: %w", err)
	}
	return c, nil
}

func servingPair(dir string) (certificate, key []byte, err error) {
	certPath, keyPath := filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	certificate, certErr := os.ReadFile(certPath)
	key, keyErr := os.ReadFile(keyPath)
	if certErr == nil && keyErr == nil && usable(certificate, key) {
		return certificate, key, nil
	}
	certificate, key, err = newServingPair()
	if err != nil {
		return nil, nil, err
	}
	return certificate, key, errors.Join(
		atomicfile.Write(keyPath, key, 0o600), atomicfile.Write(certPath, certificate, 0o600))
}

// usable reports whether key belongs to certificate, and whether that is valid for
// certificateMargin.
func usable(certificate, key []byte) bool {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || time.Until(cert.NotAfter) < certificateMargin {
		return false
	}
	private, err := parseKey(key)
	return err == nil && private.PublicKey.Equal(cert.PublicKey)
}

func newServingPair() (certificate, key []byte, err error) {
	private, key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "rdd"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(certificateLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key, nil
}

func signingKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		if key, parseErr := parseKey(data); parseErr == nil {
			return key, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, data, err := newKey()
	if err != nil {
		return nil, err
	}
	return key, atomicfile.Write(path, data, 0o600)
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
		return nil, errors.New("no PEM block")
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func userToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if token := strings.TrimSpace(string(data)); err == nil && len(token) == 2*tokenBytes {
		return token, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	token := newToken()
	return token, atomicfile.Write(path, []byte(token+"\n"), 0o600)
}

func newToken() string {
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails: it ends the program instead
	return hex.EncodeToString(random[:])
}
