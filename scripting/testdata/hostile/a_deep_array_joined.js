// Tries: a deep array, joined
// Ends: stopped
// Memory: 64 MiB
let a = []; for (let i = 0; i < 20000; i++) a = [a]; return a.join() !== "x"
