// Tries: memory: what natives make as callbacks, kept
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 1000}, () => "x"), keep = {}; for (let i = 0; ; i++) keep[i] = a.map(Object)
