// Tries: arrays in arrays, as a key
// Ends: stopped
// Memory: 64 MiB
let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return ({})[a] === 1
