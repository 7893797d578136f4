// Tries: keys as callbacks
// Ends: stopped
// Memory: 64 MiB
const o = {}; for (let i = 0; i < 5000; i++) o["k" + i] = i; for (;;) Array.from({length: 1000}, () => o).forEach(Object.keys)
