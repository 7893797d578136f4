// Tries: arrays in arrays, flat
// Ends: stopped
// Memory: 64 MiB
let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return a.flat(Infinity).length > 1
