// Tries: memory: matches with many groups
// Ends: stopped
// Memory: 64 MiB
const r = /()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()/, keep = {}; for (let i = 0; ; i++) keep[i] = r.exec("")
