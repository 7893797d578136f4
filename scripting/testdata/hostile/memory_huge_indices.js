// Tries: memory: huge indices
// Ends: stopped
// Memory: 64 MiB
const o = {}; for (let i = 0; ; i++) o[4294967295 - i] = i
