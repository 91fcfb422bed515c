// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/regular"
)

// Config says how to reach an sshd.
type Config struct {
	// Address is host:port.
	Address string
	User    string
	// PrivateKeyFile is an unencrypted OpenSSH private key.
	PrivateKeyFile string
	// KnownHostsFile pins the server's ed25519 host key.
	KnownHostsFile string
	// BannerTimeout bounds the wait for the server's banner; 0 leaves it to the context. A port that
	// QEMU forwards accepts connections before the guest's sshd runs, and such a connection stays
	// silent for ever.
	BannerTimeout time.Duration
	// ForwardAgent allows a Command's AgentSocket, and has OpenSSH forward the user's agent.
	ForwardAgent bool
}

// Format renders c as an OpenSSH client configuration for the host alias host, so that
// `ssh -F FILE HOST` works as well as ReadConfig.
func (c Config) Format(host string) ([]byte, error) {
	address, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, fmt.Errorf("formatting ssh address %q: %w", c.Address, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Host %s\n", host)
	for _, line := range [][2]string{
		{"HostName", address},
		{"Port", port},
		{"User", c.User},
		{"IdentityFile", quote(c.PrivateKeyFile)},
		{"UserKnownHostsFile", quote(c.KnownHostsFile)},
		{"HostKeyAlgorithms", "ssh-ed25519"},
		{"IdentitiesOnly", "yes"},
		{"StrictHostKeyChecking", "yes"},
		{"BatchMode", "yes"},
		{"ForwardAgent", map[bool]string{true: "yes", false: "no"}[c.ForwardAgent]},
	} {
		fmt.Fprintf(&b, "  %s %s\n", line[0], line[1])
	}
	return b.Bytes(), nil
}

func quote(s string) string { return `"` + s + `"` }

// ReadConfig reads a file that Format rendered. A missing file is fs.ErrNotExist: the guest does
// not run. BannerTimeout is not stored.
func ReadConfig(path string) (Config, error) {
	data, err := regular.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading ssh configuration: %w", err)
	}
	config, err := parseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("reading ssh configuration %s: %w", path, err)
	}
	return config, nil
}

// parseConfig reads what Format writes, not all that OpenSSH understands.
func parseConfig(data []byte) (Config, error) {
	values := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		values[key] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	if err := lines.Err(); err != nil {
		return Config{}, err
	}
	for _, key := range []string{"HostName", "Port", "User", "IdentityFile", "UserKnownHostsFile"} {
		if values[key] == "" {
			return Config{}, fmt.Errorf("%s is missing", key)
		}
	}
	return Config{
		Address:        net.JoinHostPort(values["HostName"], values["Port"]),
		User:           values["User"],
		PrivateKeyFile: values["IdentityFile"],
		KnownHostsFile: values["UserKnownHostsFile"],
		ForwardAgent:   values["ForwardAgent"] == "yes",
	}, nil
}
