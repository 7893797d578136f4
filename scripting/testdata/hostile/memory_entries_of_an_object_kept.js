// Tries: memory: entries of an object, kept
// Ends: stopped
// Memory: 64 MiB
const o = {}; for (let i = 0; i < 2000; i++) o["k" + i] = i; const keep = {}; for (let i = 0; ; i++) keep[i] = Object.entries(o)
