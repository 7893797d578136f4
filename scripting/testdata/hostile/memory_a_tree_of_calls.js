// Tries: memory: a tree of calls
// Ends: stopped
// Memory: 64 MiB
const f = n => n ? [f(n - 1), f(n - 1)] : {}; return !!f(60)
