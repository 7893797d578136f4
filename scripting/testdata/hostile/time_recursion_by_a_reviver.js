// Tries: time: recursion by a reviver
// Ends: stopped
// Memory: 64 MiB
const f = () => JSON.parse("1", f); return f() !== 1
