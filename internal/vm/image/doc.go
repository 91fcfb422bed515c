// SPDX-License-Identifier: Apache-2.0

// Package image keeps guest images in a cache that all instances share. It has the types for them
// (Source, Image, Manifest) and the errors of those who fill the cache.
//
// The Store decides which image is current, what is removed, and that one process builds or
// downloads an image while the others wait. It makes no image itself: a Builder (package build)
// makes one from Debian's packages by a recipe, a Fetcher (package fetch) downloads or copies one.
// Both import this package and are passed to NewStore, so an engine, which needs a Store's results
// only, links neither.
//
// An image is a directory NAME-DIGEST with its disk, its kernel and initrd where it has them, and
// manifest.json. It is published by one rename when it is complete and durable, and its files never
// change afterwards. One that was built is outdated when its recipe has another revision by now.
// One that was fetched is current as long as it is the image of some location.
//
// A machine's disk refers to the image's by absolute path, so an image that Store.Use was called
// for is kept until the machine's directory is gone.
package image
