// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// authority is a certificate that was made for these tests.
const authority = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUTkgoELW7XS1zKfD9FWGumU5pWakwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIcmRkLXRlc3QwHhcNMjYxMTI4MDY1NjQ1WhcNMzYxMTI1MDY1
NjQ1WjATMREwDwYDVQQDDAhyZGQtdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABJiyt6ZapqzAJo00xMOmWp8L6IHB47iSLkky23LbQeam2VTMulZhri86Bssi
wQgXFy4qywys39Si2f6m5V7NElyjUzBRMB0GA1UdDgQWBBTJq+o6Z92DCXSNtfZW
VOKs6yATqjAfBgNVHSMEGDAWgBTJq+o6Z92DCXSNtfZWVOKs6yATqjAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCHzuBk4eQuuHIY2L43E1GXpKWt
UUq1eik70WEj8gM1ggIgG+7iA71oohSVb2Ok5b35GI6ThFCuBdwpvPCk31mswX8=
-----END CERTIFICATE-----
`

// certsOf is a template with caCerts of one text.
func certsOf(text string) string { return minimal + fmt.Sprintf("caCerts: {certs: [%q]}\n", text) }

func TestCertificates(t *testing.T) {
	for name, certs := range map[string][]string{
		"one":                 {authority},
		"with a comment":      {"# of the company\nsubject=CN=x\n" + authority + "\nthe end\n"},
		"the same twice":      {authority, "x\n" + authority},
		"two in one":          {authority + authority},
		"with Windows' lines": {strings.ReplaceAll(authority, "\n", "\r\n")},
		"without the newline": {strings.TrimSpace(authority)},
	} {
		c := CACerts{Certs: certs}
		if err := (&Template{CACerts: c}).validateCACerts(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := c.Certificates(); !slices.Equal(got, []string{authority}) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestLoadRefusesCACerts(t *testing.T) {
	const noPEM = "must be certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE----- (line 2, column 19)"
	testRefusals(t, []refusal{
		{"a text", certsOf("x"), noMachine + "field `caCerts.certs[0]` " + noPEM},
		{"nothing", certsOf(""), noMachine + "field `caCerts.certs[0]` " + noPEM},
		{"one that is cut off", certsOf(authority[:200]), noMachine + "field `caCerts.certs[0]` " + noPEM},
		{"a second one that is cut off", certsOf(authority + authority[:200]), noMachine + "field `caCerts.certs[0]` " + noPEM},
		{
			"a key", certsOf(authority + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
			noMachine + "field `caCerts.certs[0]` must hold certificates only; got a block of the type `PRIVATE KEY` (line 2, column 19)",
		},
		{
			"files in a ConfigMap", minimal + "caCerts: {files: [x.crt]}\n",
			noMachine + "field `caCerts.files` names another file, which is read only when a virtual machine is created from a file: " +
				mergeHint + " (line 2, column 18)",
		},
		{
			"a switch", minimal + "caCerts: {removeDefaults: all}\n",
			noMachine + "field `caCerts.removeDefaults` must be true or false; got `all` (line 2, column 27)",
		},
	})
}

func TestLoadTakesCACerts(t *testing.T) {
	got, err := Load([]byte(minimal+fmt.Sprintf("caCerts: {removeDefaults: true, certs: [%q], files: []}\n", authority)), nil, testHost)
	if err != nil || !got.CACerts.RemoveDefaults || !slices.Equal(got.CACerts.Certs, []string{authority}) {
		t.Fatalf("%+v, %v", got, err)
	}
	roundTrip(t, got)
}

// TestResolveCertFiles: they are relative to the template that names them, and follow its certs.
func TestResolveCertFiles(t *testing.T) {
	for _, tt := range []struct {
		files files
		want  string
	}{
		{files{"/t/a.yaml": "caCerts: {files: [c, ./d]}", "/t/c": "1", "/t/d": "2"}, "caCerts: {certs: [\"1\", \"2\"]}"},
		{files{"/t/a.yaml": "caCerts: {certs: [a], files: [c]}", "/t/c": "1"}, "caCerts: {certs: [a, \"1\"]}"},
		{files{"/t/a.yaml": "caCerts: {certs: , files: [c]}", "/t/c": "1"}, "caCerts: {certs: [\"1\"]}"},
		{files{"/t/a.yaml": "base: s/b.yaml", "/t/s/b.yaml": "caCerts: {files: [c]}", "/t/s/c": "1"}, "caCerts: {certs: [\"1\"]}"},
		{
			files{"/t/a.yaml": "base: s/b.yaml\ncaCerts: {files: [c]}", "/t/s/b.yaml": "caCerts: {files: [c]}", "/t/s/c": "b", "/t/c": "a"},
			"caCerts: {certs: [\"a\", \"b\"]}",
		},
		{files{"/t/a.yaml": "caCerts: {files: []}"}, "caCerts: {files: []}"},
		{files{"/t/a.yaml": "caCerts:"}, "caCerts:"},
	} {
		document, _, err := tt.files.resolve("/t/a.yaml")
		if err != nil {
			t.Errorf("%v: %v", tt.files, err)
			continue
		}
		sameYAML(t, string(mustYAML(t, document)), tt.want)
	}
	_, _, err := files{"/t/a.yaml": "caCerts: {files: [none]}"}.resolve("/t/a.yaml")
	if err == nil || !strings.Contains(err.Error(), "reading /t/none for field `caCerts.files[0]`") {
		t.Errorf("a file that is missing: %v", err)
	}
}
