// Tries: memory: Object.fromEntries of a Map
// Ends: stopped
// Memory: 64 MiB
const m = new Map(Array.from({length: 2000}, (_, i) => ["k" + i, i])), keep = {}; for (let i = 0; ; i++) keep[i] = Object.fromEntries(m)
