// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of rdd: the tree of commands, and Main.
//
// Most commands are clients of the instance's API: they start the daemon if need be, change an
// object, and wait until its status says that the change has taken effect. Some also read or change
// this host directly, because the API does not have what they need, or must not be needed: shell,
// logs, image, integration, adopt and why. The hidden commands run a part of rdd in this process:
// the daemon, a hostagent.
//
// # The rooms
//
//	session     what all commands share: streams, the instance, a client, following, waiting, output
//	resource    what several commands do with the App and with LimaVMs
//	property    PROPERTY=VALUE by the schema of a resource
//	shell       commands in a guest: terminal, environment, working directory
//	app         rdd start, stop, set, reset, delete, shell, run, status
//	limavm      rdd limavm …
//	why         rdd why. explain below it finds causes, and describes in one line what an object does
//	hostconfig  rdd integration …
//	image       rdd image …
//	service     rdd service …
//	ctl         rdd ctl and rdd kubectl; quiet keeps kubectl from slowing down every start
//	serve       the hidden commands, and what the daemon and engines are built from
//
// A noun does not import another noun: what two of them need is in session, resource, shell or
// why/explain. Only serve imports the running parts of the daemon, the hostagent and engines. It
// hands them to the nouns as values, so a noun's tests need not link the API server. For what a
// noun does with a machine without the API, it asks for an ability of the engine (session.Ability).
// test/layout enforces all this.
//
// # A command
//
// A command is a file of its noun's package. A function makes the *cobra.Command from the session:
// its help, an example that names rdd, its flags and its completion. What it runs is a function of
// (context, session, arguments) in the same file. A command that changes something gets --wait
// and --timeout from session.WithWait. It waits by following an object until a predicate holds
// (session.Wait). A command that prints an object gets -o from session.AddOutput. It reads and
// writes through the session's streams. An error says what was being done and, where there is one,
// the next command to run. The exit code of an error is the one that it carries
// (session.CodeError), or else that of its kind (session.CodeOf).
//
// # Tests
//
// What needs no daemon is tested beside its code. Commands as people run them are tested by the
// scripts in testdata/script, on the whole program with a fake engine. script_test.go lists the
// commands that a script may use. To run one:
//
//	go test ./internal/cli -run TestScripts/set
package cli
