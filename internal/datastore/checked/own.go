// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// ownKey marks requests in the metadata of gRPC, by which they reach the store.
const ownKey = "rdd-own"

// AsOwn marks the requests of a context to the store as those of the program itself.
func AsOwn(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, ownKey, "true")
}

// Own reports whether a request to the store is one of the program itself: see AsOwn.
func Own(ctx context.Context) bool { return len(metadata.ValueFromIncomingContext(ctx, ownKey)) > 0 }
