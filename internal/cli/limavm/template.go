// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/redirect"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// maxTemplate is the API's limit of the data in a ConfigMap, in bytes.
const maxTemplate = 1 << 20

var urlPattern = regexp.MustCompile(`^[a-z][a-z0-9+.-]+://`)

// readTemplate reads the template that an argument names: a file, "-" for standard input, or an
// http(s) URL. It merges in what the template is based on. It returns nil when the argument is the
// name of a ConfigMap.
func readTemplate(ctx context.Context, s *session.Session, name string, params map[string]string) ([]byte, error) {
	if name != "-" && !strings.ContainsAny(name, `/:\`) {
		return nil, nil
	}
	data, origin, err := readArgument(ctx, s, name)
	if err == nil && len(data) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the template %s: %w", argumentText(name), err)
	}
	return resolveBase(ctx, data, origin, params)
}

// readArgument reads a file, standard input or a URL. A file may be a FIFO, as that of a process
// substitution is: it waits for the writer until ctx ends. origin is what relative names in the
// template are relative to; empty for standard input.
func readArgument(ctx context.Context, s *session.Session, name string) (data []byte, origin string, err error) {
	switch {
	case name == "-":
		data, err = session.Interruptibly(ctx, func() ([]byte, error) { return readBounded(s.In) })
		return data, "", err
	case strings.HasPrefix(name, "template:"):
		found, ok := template.InFolders(name, templateFolders())
		if !ok {
			return nil, "", errors.New("the templates of Lima are not part of rdd: save it to a file, give it images, and name that, or put " +
				"Lima's folder of templates into LIMA_TEMPLATES_PATH")
		}
		data, err = readNamed(ctx, found)
		return data, found, err
	case urlPattern.MatchString(name):
		data, err = download(ctx, name)
		return data, name, err
	}
	if origin, err = filepath.Abs(name); err != nil {
		return nil, "", err
	}
	data, err = session.Interruptibly(ctx, func() ([]byte, error) { return readFile(os.Open(name)) })
	return data, origin, err
}

func argumentText(name string) string {
	if name == "-" {
		return "from standard input"
	}
	return name
}

// readNamed reads a file that a template names, or that is looked for in a folder. It must be a
// regular one: nobody stands by to write into a FIFO.
func readNamed(ctx context.Context, name string) ([]byte, error) {
	data, err := session.Interruptibly(ctx, func() ([]byte, error) {
		f, _, err := regular.Open(name)
		return readFile(f, err)
	})
	var special *regular.NotRegularError
	if errors.As(err, &special) {
		return nil, fmt.Errorf("it is %s, and must be a regular file", special.What())
	}
	return data, err
}

// readFile reads and closes what was opened, unless that failed.
func readFile(f *os.File, err error) ([]byte, error) {
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, path.Err // the caller names the file
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readBounded(f)
}

func readBounded(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxTemplate+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxTemplate {
		return nil, fmt.Errorf("it is larger than %d bytes, which is no template", maxTemplate)
	}
	return data, nil
}

// download gets a template over http or https.
func download(ctx context.Context, url string) ([]byte, error) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return nil, errors.New("only http and https URLs can be read; save it to a file and name that")
	}
	ctx, cancel := context.WithTimeout(ctx, session.RequestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{CheckRedirect: redirect.Check}).Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	return readBounded(response.Body)
}

// fileHint adds to err how to name a file, if there is one of that name.
func fileHint(name string, err error) error {
	if info, statErr := os.Stat(name); statErr == nil && info.Mode().IsRegular() {
		return fmt.Errorf("%w\n%s is a file here; a file is named with a slash: ./%s", err, name, name)
	}
	return err
}

// templateOf reads the ConfigMap of the template in force: the LimaVM's own copy, or its source
// while there is no copy.
func templateOf(ctx context.Context, c ctrlclient.Reader, machine *limav1.LimaVM) (*corev1.ConfigMap, error) {
	key := ctrlclient.ObjectKey{Namespace: machine.Namespace, Name: machine.Status.TemplateConfigMap}
	if key.Name == "" {
		key.Name = machine.Spec.TemplateRef.Name
		if machine.Spec.TemplateRef.Namespace != "" {
			key.Namespace = machine.Spec.TemplateRef.Namespace
		}
	}
	cm := &corev1.ConfigMap{}
	if err := c.Get(ctx, key, cm); err != nil {
		return nil, fmt.Errorf("reading the template of LimaVM %q: %w", machine.Name, err)
	}
	return cm, nil
}
