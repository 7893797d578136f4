// Tries: memory: errors kept, made by a native as callback
// Ends: stopped
// Memory: 64 MiB
const keep = [], a = Array.from({length: 1000}, () => "x"); const f = n => { if (n > 0) return f(n - 1); for (;;) keep.push(a.map(Error)) }; return f(20)
