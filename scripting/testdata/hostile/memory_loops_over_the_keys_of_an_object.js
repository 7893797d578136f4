// Tries: memory: loops over the keys of an object
// Ends: stopped
// Memory: 64 MiB
const o = {}; for (let i = 0; i < 5000; i++) o["k" + i] = i; for (;;) for (const k in o) break
