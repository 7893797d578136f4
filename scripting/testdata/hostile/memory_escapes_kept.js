// Tries: memory: escapes, kept
// Ends: stopped
// Memory: 64 MiB
const s = "ä".repeat(10000), keep = {}; for (let i = 0; ; i++) keep[i] = encodeURIComponent(s)
