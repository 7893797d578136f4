// Tries: memory: an array as replacer, and an indent
// Ends: stopped
// Memory: 64 MiB
const a = [[[[[[[[[[1]]]]]]]]]]; const keep = {}; for (let i = 0; ; i++) keep[i] = JSON.stringify([a, a, a, a], null, "          ")
