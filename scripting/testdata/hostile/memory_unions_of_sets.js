// Tries: memory: unions of Sets
// Ends: stopped
// Memory: 64 MiB
const s = new Set(Array.from({length: 2000}, (_, i) => i)), keep = {}; for (let i = 0; ; i++) keep[i] = s.union(new Set([1]))
