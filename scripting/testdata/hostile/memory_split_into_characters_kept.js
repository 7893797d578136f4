// Tries: memory: split into characters, kept
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(20000), keep = {}; for (let i = 0; ; i++) keep[i] = s.split("")
