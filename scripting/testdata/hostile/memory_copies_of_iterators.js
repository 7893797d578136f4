// Tries: memory: copies of iterators
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 2000}, (_, i) => i), keep = {}; for (let i = 0; ; i++) keep[i] = [...a.entries()]
