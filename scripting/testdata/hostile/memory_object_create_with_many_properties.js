// Tries: memory: Object.create with many properties
// Ends: stopped
// Memory: 64 MiB
const o = {}; for (let i = 0; i < 2000; i++) o["k" + i] = {value: i}; const keep = {}; for (let i = 0; ; i++) keep[i] = Object.create(null, o)
