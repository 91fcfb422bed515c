// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestEditsOfAnInstance checks which changes of a template an existing instance accepts.
func TestEditsOfAnInstance(t *testing.T) {
	const (
		a = "'https://example.com/a.img'"
		b = "'https://example.com/b.img'"
	)
	sum := func(c string) string { return ", digest: 'sha256:" + strings.Repeat(c, 64) + "'" }
	images := func(entries ...string) string {
		return "images: [{location: " + strings.Join(entries, "}, {location: ") + "}]\n"
	}
	for name, test := range map[string]struct{ before, after, refused string }{
		"nothing":                   {images(a), images(a), ""},
		"another image":             {images(a), images(b), "images[0].location"},
		"the same from a mirror":    {images(a + sum("1")), images(b + sum("1")), ""},
		"a digest is added":         {images(a), images(a + sum("1")), ""},
		"another digest":            {images(a + sum("1")), images(a + sum("2")), "images[0].location"},
		"one more":                  {images(a), images(b, a), ""},
		"bigger disk":               {images(a), images(a) + "disk: 21GiB\n", ""},
		"smaller disk":              {images(a), images(a) + "disk: 19GiB\n", "`disk` cannot shrink from 20Gi to 19Gi"},
		"more CPUs":                 {images(a), images(a) + "cpus: 2\n", ""},
		"not valid":                 {images(a), images(a) + "vmType: vz\n", "vmType"},
		"what was not valid before": {"vmType: vz\n", images(b), ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := validator{host: template.Host{Arch: template.ArchX8664, CPUs: 4, Memory: 16 << 30}}
			of := func(text string) side {
				return side{source: &corev1.ConfigMap{Data: map[string]string{limav1.TemplateKey: text}}}
			}
			made := &limav1.LimaVM{}
			made.Status.ObservedTemplateResourceVersion = "1"
			err := v.checkChange(made, of(test.before), of(test.after))
			if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
				t.Errorf("got %v, want %q", err, test.refused)
			}
			if err := v.checkChange(&limav1.LimaVM{}, of(test.before), of(test.after)); err != nil && name != "not valid" {
				t.Errorf("an instance that is not made yet may become anything: %v", err)
			}
		})
	}
}

// TestInvalidTemplatesAreRefusedWithTheirField checks the cause in the refusal, so that clients
// need not parse the message.
func TestInvalidTemplatesAreRefusedWithTheirField(t *testing.T) {
	host := template.Host{Arch: template.ArchX8664, CPUs: 4, Memory: 16 << 30}
	for text, field := range map[string]string{"vmType: vz\n": "vmType", "- x\n": "", "": ""} {
		cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "x"}, Data: map[string]string{limav1.TemplateKey: text}}
		err := validateTemplate(cm, nil, host)
		cause, found := apierrors.StatusCause(err, limav1.CauseInvalidTemplate)
		if !apierrors.IsForbidden(err) || !found || cause.Field != field || !strings.HasPrefix(err.Error(), `ConfigMap "n/x": `) {
			t.Errorf("%q: %v, cause %+v", text, err, cause)
		}
	}
}
