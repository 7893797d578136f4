// Tries: time: a search for what nearly is everywhere
// Ends: stopped
// Memory: 64 MiB
const s = "ä".repeat(100000), t = "ä".repeat(50000) + "b"; for (;;) if (s.includes(t)) return true
