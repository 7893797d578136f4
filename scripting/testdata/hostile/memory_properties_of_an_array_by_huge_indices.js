// Tries: memory: properties of an array by huge indices
// Ends: stopped
// Memory: 64 MiB
const a = []; for (let i = 1; ; i++) a[i * 100000] = i
