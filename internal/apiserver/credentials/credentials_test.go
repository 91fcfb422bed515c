// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/regular"
)

func load(t *testing.T, dir string) Credentials {
	t.Helper()
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t *testing.T, certificate []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(certificate)
	if block == nil {
		t.Fatalf("no PEM: %q", certificate)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// trusts reports whether a client that knows an authority accepts a certificate at that time.
func trusts(t *testing.T, authority, certificate []byte, at time.Time) error {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, authority))
	_, err := parse(t, certificate).Verify(x509.VerifyOptions{DNSName: "127.0.0.1", Roots: roots, CurrentTime: at})
	return err
}

// TestClock: whatever the clock is set to, a client accepts the certificate, and the next start
// keeps it.
func TestClock(t *testing.T) {
	dir := t.TempDir()
	c := load(t, dir)
	if len(c.Made) > 0 {
		t.Errorf("a new instance has nothing to make anew: %q", c.Made)
	}
	for _, at := range []time.Time{
		time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), time.Now().AddDate(-10, 0, 0), time.Now(), time.Now().AddDate(100, 0, 0),
	} {
		if err := trusts(t, c.Certificate, c.Certificate, at); err != nil {
			t.Errorf("at %s: %v", at, err)
		}
	}
	if again := load(t, dir); !bytes.Equal(again.Certificate, c.Certificate) || again.UserToken != c.UserToken || len(again.Made) > 0 {
		t.Error("the next start does not keep them")
	}
}

// signed makes a certificate that differs from ours by change, signed by the key of signer.
func signed(t *testing.T, key, signer *ecdsa.PrivateKey, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rdd"}, NotBefore: validFrom(), NotAfter: validTo(),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	change(template)
	parent := *template
	parent.PublicKey = &signer.PublicKey
	der, err := x509.CreateCertificate(rand.Reader, template, &parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestCertificateMadeAnew: a certificate that some client would refuse at some time is replaced,
// with its key where that is sound, and said so.
func TestCertificateMadeAnew(t *testing.T) {
	year := 365 * 24 * time.Hour
	other, _, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		signer *ecdsa.PrivateKey // nil: its own key
		want   string
	}{
		"begins later":     {change: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(year) }, want: "it is valid from"},
		"began lately":     {change: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(-time.Hour) }, want: "it is valid from"},
		"ends":             {change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(3 * year) }, want: "it is valid from"},
		"has ended":        {change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-year) }, want: "it is valid from"},
		"lacks an address": {change: func(c *x509.Certificate) { c.IPAddresses = c.IPAddresses[:1] }, want: "::1"},
		"has no address":   {change: func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, nil }, want: "127.0.0.1"},
		"no authority":     {change: func(c *x509.Certificate) { c.IsCA = false }, want: "authority"},
		"signed by others": {change: func(*x509.Certificate) {}, signer: other, want: "authority"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before := load(t, dir)
			key, err := parseKey(before.Key)
			if err != nil {
				t.Fatal(err)
			}
			if c.signer == nil {
				c.signer = key
			}
			write(t, dir, "server.crt", signed(t, key, c.signer, c.change))
			after := load(t, dir)
			if len(after.Made) != 1 || !strings.Contains(after.Made[0], "The serving certificate was made anew: ") ||
				!strings.Contains(after.Made[0], c.want) {
				t.Errorf("said %q, want %q", after.Made, c.want)
			}
			if !bytes.Equal(after.Key, before.Key) {
				t.Error("the key is another")
			}
			if err := trusts(t, after.Certificate, after.Certificate, time.Now()); err != nil {
				t.Error(err)
			}
			if err := trusts(t, before.Certificate, after.Certificate, time.Now()); err != nil {
				t.Errorf("a copy of the kubeconfig does not trust it: %v", err)
			}
		})
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamaged: a file that cannot be used is made anew and said so, the others stay. What cannot be
// replaced is named.
func TestDamaged(t *testing.T) {
	for name, what := range map[string]string{
		"server.crt": "The serving certificate", "server.key": "The serving certificate",
		"service-account.key": "The service account key", "token": "The user's token",
	} {
		for how, data := range map[string][]byte{
			"emptied": nil, "garbage": []byte("garbage"), "another's": pem.EncodeToMemory(&pem.Block{Type: "X"}),
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				dir := t.TempDir()
				load(t, dir)
				write(t, dir, name, data)
				after := load(t, dir)
				if len(after.Made) != 1 || !strings.HasPrefix(after.Made[0], what+" was made anew: ") {
					t.Errorf("said %q", after.Made)
				}
				if err := trusts(t, after.Certificate, after.Certificate, time.Now()); err != nil {
					t.Error(err)
				}
				if again := load(t, dir); len(again.Made) > 0 || again.UserToken != after.UserToken {
					t.Errorf("the next start: %q", again.Made)
				}
			})
		}
		t.Run(name+", a directory", func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)) {
				t.Errorf("got %v", err)
			}
		})
	}
	var none *regular.NotRegularError
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil || errors.As(err, &none) {
		t.Errorf("no directory: %v", err)
	}
}
