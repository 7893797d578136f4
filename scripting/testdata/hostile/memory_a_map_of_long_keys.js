// Tries: memory: a Map of long keys
// Ends: stopped
// Memory: 64 MiB
const m = new Map(), s = "x".repeat(10000); for (let i = 0; ; i++) m.set(s.slice(1) + i, i)
