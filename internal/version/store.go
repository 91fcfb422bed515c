// SPDX-License-Identifier: Apache-2.0

package version

import "errors"

// ErrNewerStore says that a newer rdd has written the store, and that this program would drop what
// it does not know.
var ErrNewerStore = errors.New("a newer rdd has written the store")
