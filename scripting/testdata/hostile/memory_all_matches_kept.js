// Tries: memory: all matches, kept
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(2000), keep = {}; for (let i = 0; ; i++) keep[i] = [...s.matchAll(/(x)/g)]
