// Tries: arrays in arrays, as text
// Ends: stopped
// Memory: 64 MiB
let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return "" + a !== ""
