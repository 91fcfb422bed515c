// SPDX-License-Identifier: Apache-2.0

// Package image keeps guest images in a cache that all instances share, and has the words for them:
// Source, Image, Manifest, and the errors of those who fill the cache.
//
// The Store decides which image is current, who waits for whom, and what is removed. It makes no
// image itself: a Builder (package build) makes one from Debian's packages by a recipe, a Fetcher
// (package fetch) downloads or copies one. Both import this package, and whoever composes the
// program gives them to NewStore. So an engine, which needs a Store's results only, links neither.
//
// An image is a directory NAME-DIGEST with its disk, its kernel and initrd where it has them, and
// manifest.json. It appears by one rename when it is complete and on disk, and never changes
// afterwards. One that was built is outdated when its recipe has another revision by now. One that
// was fetched is current as long as some location leads to it.
//
// A machine's disk refers to the image's by absolute path, so an image that Store.Use was called
// for is kept until the machine's directory is gone.
package image
