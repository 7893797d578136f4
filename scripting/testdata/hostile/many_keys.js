// Tries: many keys
// Ends: stopped
// Memory: 64 MiB
const o = {}; for (let i = 0; ; i++) o["k" + i] = i
