// Tries: doubling arguments
// Ends: stopped
// Memory: 64 MiB
const f = (...a) => f(...a, ...a); return f(1, 2)
