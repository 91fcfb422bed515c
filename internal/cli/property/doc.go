// SPDX-License-Identifier: Apache-2.0

// Package property turns arguments such as virtualMachine.cpus=4 into a change of a resource's
// spec. Names, types and valid values are read from the OpenAPI schema of the resource's
// CustomResourceDefinition. No property is known here by its name.
//
// A property is a leaf of the schema, named by its path below spec. Lists are leaves, too, and
// written in JSON. In an object with free keys, each key is a property. What cannot change once the
// resource exists is no property.
//
// All checks are of form: names, types, enums, and fields that are missing or unknown in JSON.
// Bounds are checked by the API.
//
// Tests use a schema of their own, and the App's. rdd set itself is tested by the script set of
// internal/cli.
package property
