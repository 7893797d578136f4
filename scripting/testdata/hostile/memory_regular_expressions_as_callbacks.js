// Tries: memory: regular expressions made by a callback
// Ends: stopped
// Memory: 64 MiB
const a = Array.from({length: 1000}, () => "x"), keep = {}; for (let i = 0; ; i++) keep[i] = a.map(x => new RegExp(x))
