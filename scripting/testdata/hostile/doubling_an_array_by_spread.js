// Tries: doubling an array by spread
// Ends: stopped
// Memory: 64 MiB
let a = [1, 2, 3]; for (;;) a = [...a, ...a]
