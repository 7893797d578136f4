// Package scripting compiles and runs policies: JavaScript in goja.
//
// It owns what a script may see and do. It decides nothing itself, knows no
// HCL, and is the only package that knows goja.
//
// # What a policy is
//
// The body of function(request, inputs), in strict mode. It answers with the
// boolean true or false; anything else is an error, which denies. A mapping is
// the same, and answers with an object of claims. request is:
//
//	request.context.oauth_jwt, .JWT      the input JWT's claims, or null
//	request.context.oauth_scopes         array
//	request.context.oauth_grant_type     string
//	request.context.source, .actor       label, identity; or null
//	request.context.cert                 subject, issuer, serial, not_after, fingerprint; or null
//	request.context.registry             null
//	request.user                         username, name, groups, attributes
//	request.provider                     label
//	request.http                         door, method, host, path, client_ip, headers
//	request.client_ip                    string, or null
//	request.time                         RFC 3339, UTC
//
// All of it and inputs can be read and never written. A member that request or
// inputs do not have is a finding where it can be seen (members.go), and throws
// elsewhere; both name the right one. A claim that is absent is
// undefined, whatever its name: no claims object has a prototype. Whole numbers
// beyond 2^53 arrive as strings. new Date() is the time of the request. Date's
// local times are those of the machine: use the UTC ones.
//
// There is no clock, no randomness, no input or output, no code from strings,
// no global object, and nothing asynchronous. Async functions, generators and
// BigInt are findings.
//
// The helpers (help*.go) are functions that a script has besides: none costs
// anything that no script names, all pay into the budget, and none takes a value
// of another type for what it wants. callPolicy runs another Program within the
// deadline and the budget of the one that asks.
//
// # Modules and TypeScript
//
// A script in a file of its own may be a module, whose default export is that
// function, or have types. esbuild joins the files that package hcl read, and
// takes the types off: in memory, without looking at any disk. What it writes
// is analysed, rewritten and guarded as what an author wrote; where it would
// need code of its own, the script is refused. One source map leads every place
// back to the author's files. Types are not checked.
//
// # What is bounded, and how
//
// Every evaluation has its own runtime, which is thrown away.
//
//   - Steps, strings, arrays, objects: by one budget of 2^19 units (meter.go),
//     each of at most about 64 bytes. The script is rewritten when it is
//     compiled: each function, loop, catch and default pays, when it is entered,
//     for all that stands in it (steps.go); the results of + and of templates
//     and what is spread pay by their length. The same script on the same input
//     takes the same units everywhere, whatever the machine is busy with, and no
//     catch or finally sees the end of them.
//   - Native functions that loop or allocate: each pays into the budget before
//     it works (guard.go). Methods of arrays refuse what only poses as an array.
//     A program installs the guards of the names that stand in it and could do
//     harm in one call; once it has used 2^12 units, all the others. A computed
//     key cannot name a guarded function without its guard.
//   - Time: by an interrupt at the deadline, for what the units do not see. What
//     an evaluation returned that outlasted its deadline is an error.
//   - Many at once: what has used 2^16 units, some milliseconds of them, needs
//     one of the Compiler's places to go on, of which there is one for two
//     processors, and is an error where it gets none until its deadline.
//     What uses less, as every ordinary policy does, never waits.
//   - Calls in calls: by MaxCallDepth.
//   - Regular expressions: a pattern that RE2 cannot run in linear time (with
//     look-around or back-references) is a finding, or throws where it is made
//     at run time (regex.go). goja backtracks some of the others, too: with g
//     or y behind the start of the text, or beyond ASCII. These give up after 20
//     ms and then answer "no match", which would let in where the test is
//     negated: hence a match that took 15 ms ends the evaluation with an error.
//     The 20 ms are a package variable of regexp2, which New sets once for the
//     process.
//   - Scripts: 16 KiB, with brackets at most 200 deep, so that no parser can
//     overflow the stack. Modules: 32 files of that size and 64 KiB together.
//
// Over the hostile scripts of testdata/hostile an evaluation ends within its
// deadline and 50 ms, and in a process of less than 64 MiB; without a deadline
// the budget alone keeps them within these.
//
// # What is not
//
// The deadline is of the wall clock: on a machine that has too little CPU, an
// innocent policy may be late, and denies. Memory is bounded by what the units
// are measured to stand for, not counted. The table of guards and the weights
// follow this version of goja; a newer one may bring methods to the former,
// though no new globals. A fault of goja itself (a crash, a way out) is a fault
// of the daemon: there is no process around a script.
package scripting
