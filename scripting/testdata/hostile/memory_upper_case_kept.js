// Tries: memory: upper case, kept
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(100000), keep = {}; for (let i = 0; ; i++) keep[i] = s.toUpperCase()
