// Tries: recursion
// Ends: stopped
// Memory: 64 MiB
const f = () => f(); return f()
