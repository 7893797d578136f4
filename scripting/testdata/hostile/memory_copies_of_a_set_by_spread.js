// Tries: memory: copies of a Set by spread
// Ends: stopped
// Memory: 64 MiB
const s = new Set(Array.from({length: 5000}, (_, i) => i)), keep = {}; for (let i = 0; ; i++) keep[i] = [...s]
