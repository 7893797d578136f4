// Tries: memory: errors kept, caught deep in calls
// Ends: stopped
// Memory: 64 MiB
const keep = []; const f = n => { if (n > 0) return f(n - 1); for (;;) { try { null.x } catch (e) { keep.push(e) } } }; return f(240)
