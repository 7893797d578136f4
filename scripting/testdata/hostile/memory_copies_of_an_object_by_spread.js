// Tries: memory: copies of an object by spread
// Ends: stopped
// Memory: 64 MiB
const o = {}; for (let i = 0; i < 5000; i++) o["k" + i] = i; const keep = {}; for (let i = 0; ; i++) keep[i] = {...o}
