// Tries: memory: a reviver that is native
// Ends: stopped
// Memory: 64 MiB
const s = "[" + "1,".repeat(2000) + "1]", keep = {}; for (let i = 0; ; i++) keep[i] = JSON.parse(s, Error)
