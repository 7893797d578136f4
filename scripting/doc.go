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
//   - The script's own steps: by an interrupt at the deadline, or when the
//     request is canceled, that no catch or finally sees. Whatever an
//     evaluation that outlasts its deadline returned, it is an error.
//   - Calls in calls: by MaxCallDepth.
//   - Strings and arrays: by a budget of 2^20 characters and elements per
//     evaluation. The script is rewritten when it is compiled, so that the
//     results of + and of templates, and what ... spreads, pay into it.
//   - Native functions that loop or allocate: each pays into the budget before
//     it works, and looks at the clock. Methods of arrays refuse what only
//     poses as an array. A program installs the guards of the names that stand
//     in it; a computed key cannot name a guarded function without its guard.
//   - Regular expressions: goja runs most with RE2, in linear time, but some
//     by backtracking (look-around, back-references, g on text beyond ASCII,
//     lastIndex). These give up after 100 ms (measured: 210, by a coarse clock)
//     and then answer "no match", which would let in where the test is negated:
//     hence a match that took 80 ms ends the evaluation with an error. The
//     100 ms are a package variable of regexp2, which New sets once for the
//     process.
//   - Scripts: 16 KiB, with brackets at most 200 deep, so that no parser can
//     overflow the stack. Modules: 32 files of that size and 64 KiB together.
//
// A native call that is within the budget may overrun the deadline; over the
// hostile scripts of the tests an evaluation ends within the deadline and
// 250 ms, in a process of less than 192 MiB.
//
// # What is not
//
// Memory is not counted: a script that makes small objects as fast as it can
// allocates some tens of MiB until its deadline, and as many evaluations do so
// at once as there are requests. The deadline is of the wall clock: on a
// machine that has too little CPU, an innocent policy may be late, and denies.
// The table of guards follows this version of goja; a newer one may bring
// methods to it, though no new globals. Policies are code that the operator
// trusts, protected against mistakes and hostile claims; what does not trust
// its author belongs into a process of its own.
package scripting
