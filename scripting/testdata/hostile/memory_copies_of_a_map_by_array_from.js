// Tries: memory: copies of a Map by Array.from
// Ends: stopped
// Memory: 64 MiB
const m = new Map(Array.from({length: 2000}, (_, i) => [i, i])), keep = {}; for (let i = 0; ; i++) keep[i] = Array.from(m)
