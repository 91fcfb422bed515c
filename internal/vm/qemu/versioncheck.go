// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"

	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
)

// checkVersion logs when a machine is served by a hostagent of another version, as after an
// upgrade. Nothing else follows from that: the engine reads the directory and the locks, which
// every version writes. A restart of the machine starts a hostagent of this version.
func (i instance) checkVersion(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	config := i.engine.config
	log := config.Log.With("instance", i.name)
	info, err := protocol.NewClient(i.dir.HostagentSocket()).Info(ctx)
	switch {
	case err != nil && !errors.Is(ctx.Err(), context.Canceled):
		log.Warn("asking a hostagent for its version", "error", err)
	case err != nil:
	case info.Protocol > protocol.Version:
		log.Warn("a machine is served by a newer hostagent: what is new in it is not shown until the machine is restarted",
			"hostagent", info.BinaryVersion, "protocol", info.Protocol, "own protocol", protocol.Version)
	case info.Protocol < protocol.Version || info.BinaryVersion != config.Version:
		log.Info("a machine is served by a hostagent of another version, until the machine is restarted",
			"hostagent", info.BinaryVersion, "protocol", info.Protocol, "own protocol", protocol.Version)
	}
}
