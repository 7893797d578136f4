// Tries: recursion through natives
// Ends: stopped
// Memory: 64 MiB
const f = () => [1].map(f); return f()
