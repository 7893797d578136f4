// Tries: time: exponential calls by default parameters
// Ends: stopped
// Memory: 64 MiB
const f = (n, a = n > 0 && f(n - 1), b = n > 0 && f(n - 1)) => true; return f(200)
