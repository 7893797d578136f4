// Tries: time: an array searched for a long text
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(50000), p = s + "y", q = s + "y" + "", a = Array.from({length: 5000}, () => p); for (;;) if (!a.includes(q.slice(0, 50000) + "z")) continue
