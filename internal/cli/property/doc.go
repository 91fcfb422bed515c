// SPDX-License-Identifier: Apache-2.0

// Package property turns arguments such as virtualMachine.cpus=4 into a change of a resource's
// spec. What there is, of which type and with which values, is read from the OpenAPI schema of the
// resource's CustomResourceDefinition; no property is known here by its name.
//
// A property is a leaf of the schema, named by its path below spec. Lists are leaves, too, and
// written in JSON. Of an object with free keys each key is a property. What may not change once the
// resource exists is no property.
//
// All checks are about form: names, types, enums, what is missing or unknown in JSON. Bounds are
// for the API to judge.
package property
