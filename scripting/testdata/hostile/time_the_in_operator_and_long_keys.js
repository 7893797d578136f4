// Tries: time: the in operator and long keys
// Ends: stopped
// Memory: 64 MiB
const s = "ä".repeat(100000), o = {}; for (;;) if (s in o) return true
