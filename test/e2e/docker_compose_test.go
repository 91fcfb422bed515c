// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// composeFile has what most projects have: a published port, a directory of the project, a volume,
// and services that know one another.
const composeFile = `services:
  web:
    image: tools
    command: answer 80
    ports: ["%d:80"]
    volumes:
    - ./site:/site
    - state:/state
  client:
    image: tools
    command: sh -c 'until echo hello | nc web 80 | grep hello; do sleep 0.5; done; sleep 1000'
    depends_on: [web]
    stop_signal: SIGKILL
volumes:
  state: {}
`

// composeCommand is docker's plugin. Older systems have a program of its own instead.
func (d docker) composeCommand() []string {
	d.t.Helper()
	if r := d.tryIn(nil, "compose", "version"); r.code == 0 {
		return []string{"docker", "compose"}
	}
	return []string{"docker-compose"}
}

// checkCompose: a project comes up, serves, sees its directory, and leaves nothing when it goes
// down.
func (d docker) checkCompose() {
	port := d.published(1)[0]
	writeFile(d.t, filepath.Join(d.project, "compose.yaml"), fmt.Sprintf(composeFile, port))
	if err := os.Mkdir(filepath.Join(d.project, "site"), 0o755); err != nil {
		d.t.Fatal(err)
	}
	writeFile(d.t, filepath.Join(d.project, "site", "page"), "a page\n")
	// The older compose gives up where a guest is emulated on a busy host.
	command, env := d.composeCommand(), append([]string{fmt.Sprintf("COMPOSE_HTTP_TIMEOUT=%.0f", waitTimeout.Seconds())}, d.env...)
	compose := func(args ...string) string {
		d.t.Helper()
		args = append([]string{"-f", "compose.yaml", "-p", "rddtest"}, args...)
		r, err := d.call(call{program: command[0], args: append(command[1:len(command):len(command)], args...), dir: d.project, env: env})
		if err != nil || r.code != 0 {
			d.t.Fatalf("compose %v: exit code %d, %v: sudo apt-get install docker-compose\n%s", args, r.code, err, r.err)
		}
		return r.out
	}
	compose("up", "-d")
	d.awaitAnswers("compose up -d has returned", time.Now(), map[string][]int{"tcp": {port}})
	d.expect(strings.TrimSpace(compose("exec", "-T", "web", "cat", "/site/page")), "a page")
	d.until("the service that asks the other", func() bool { return strings.Contains(compose("logs", "client"), "hello") })
	d.expectIn(compose("ps"), "web")
	compose("down", "-v")
	d.until("the end of the port", func() bool { return free(port) })
	for _, kind := range []string{"container", "network", "volume"} {
		if left := d.do(kind, "ls", "-q", "--filter", "label=com.docker.compose.project=rddtest"); left != "" {
			d.t.Errorf("left: %s %s", kind, left)
		}
	}
}
