// SPDX-License-Identifier: Apache-2.0

// Package checked makes a kine backend tell its callers what happened.
//
// kine 0.17.5 loses errors of the database (pkg/logstructured): a failed create is answered with an
// invented revision, a failed update or delete with a conflict, and a list that broke off with what
// had been read until then. New wraps the backend of any database and finds such answers by what
// they contradict. For databases whose log kine hands out (SQLite), NewLog and NewDialect wrap that
// too, and carry the error of the very call to New's backend.
//
// What fails is an *Error. It has a cause, and becomes a gRPC status by which the API server's side
// knows it again (CauseOf).
package checked
