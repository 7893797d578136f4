// Tries: memory: stacks as text
// Ends: stopped
// Memory: 64 MiB
const keep = []; const f = n => { if (n > 0) return f(n - 1); const e = new Error("x"); for (;;) keep.push(e.stack) }; return f(240)
