// Tries: memory: errors kept, made deep in calls
// Ends: stopped
// Memory: 64 MiB
const keep = []; const f = n => { if (n > 0) return f(n - 1); for (;;) keep.push(new Error("x")) }; return f(240)
