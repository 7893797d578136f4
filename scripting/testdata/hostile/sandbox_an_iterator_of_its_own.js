// Tries: sandbox: an iterator of its own
// Ends: throws
// Memory: 64 MiB
const o = {[Symbol.iterator]() { return {next: () => ({})} }}; for (const x of o); return true
