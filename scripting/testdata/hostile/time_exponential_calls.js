// Tries: time: exponential calls
// Ends: stopped
// Memory: 64 MiB
const f = n => n < 2 ? n : f(n - 1) + f(n - 2); return f(90) > 1
