// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
)

// serverAddresses are the addresses that clients connect to.
var serverAddresses = []string{"127.0.0.1", "::1", "localhost"}

// validFrom and validTo are the bounds of a serving certificate. Neither comes near, whatever the
// clock is set to: the certificate is trusted because the kubeconfig has it, and is valid as long
// as the file is there. RFC 5280, section 4.1.2.5, has validTo for certificates that do not expire.
func validFrom() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func validTo() time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }

// servingPair reads the serving certificate and its key, and makes them anew where they cannot be
// used. made says why; it is empty when they could. A key that is sound is kept: then a kubeconfig
// that somebody has copied still trusts the new certificate.
func servingPair(dir string) (certificate, key []byte, made string, err error) {
	certPath, keyPath := filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	key, private, keyMade, err := loadKey(keyPath)
	if err != nil {
		return nil, nil, "", err
	}
	certificate, err = regular.ReadFile(certPath)
	if err == nil {
		err = check(certificate, private)
	}
	if err == nil {
		return certificate, key, keyMade, nil
	}
	made = reason(err)
	if keyMade != "" {
		made = keyMade
	}
	if certificate, err = newCertificate(private); err != nil {
		return nil, nil, "", err
	}
	return certificate, key, made, atomicfile.Write(certPath, certificate, 0o600)
}

// check returns why a certificate cannot be used: it must belong to the key, be valid at all times,
// be its own authority, and have the server's addresses.
func check(certificate []byte, key *ecdsa.PrivateKey) error {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return errors.New("it is no PEM file")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return errors.New("it is another key's")
	}
	if cert.NotBefore.After(validFrom()) || cert.NotAfter.Before(validTo()) {
		return fmt.Errorf("it is valid from %s to %s only", cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		return fmt.Errorf("it is not its own authority: %w", err)
	}
	for _, address := range serverAddresses {
		if err := cert.VerifyHostname(address); err != nil {
			return err
		}
	}
	return nil
}

func newCertificate(private *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "rdd"},
		NotBefore:             validFrom(),
		NotAfter:              validTo(),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		// Go's verifier takes a certificate with the same key, subject and names for the same one, and
		// would not accept it as the authority of this one: see servingPair.
		DNSNames:    []string{"localhost", fmt.Sprintf("%x.localhost", serial)},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
