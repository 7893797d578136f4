// Tries: time: a Map asked for long keys
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(100000), m = new Map([[s, 1]]); for (;;) m.get(s)
