// Tries: doubling an array by concat
// Ends: stopped
// Memory: 64 MiB
let a = [1, 2, 3]; for (;;) a = a.concat(a)
