// Tries: memory: with and toSpliced
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 5000}, (_, i) => i), keep = {}; for (let i = 0; ; i++) keep[i] = a.with(1, 2).toSpliced(0, 1)
