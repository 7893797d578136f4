// Tries: arrays in arrays, filled
// Ends: stopped
// Memory: 64 MiB
let a = new Array(2); for (let i = 0; i < 40; i++) a = new Array(2).fill(a); return String(a) !== ""
