// Tries: memory: a Set of long texts
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(1000); for (;;) new Set(Array.from({length: 200}, (_, i) => s.slice(i)))
