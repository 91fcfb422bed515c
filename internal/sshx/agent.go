// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// forwardAgent lets the session use the agent at a socket. An agent that has gone, or a guest that
// does not want it, is no reason to refuse the session.
func forwardAgent(client *ssh.Client, session *ssh.Session, socket string) {
	if agent.ForwardToRemote(client, socket) == nil {
		_ = agent.RequestAgentForwarding(session)
	}
}
