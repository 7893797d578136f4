// Tries: a string by its entries
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(900000), b = []; for (let i = 0; ; i++) b[i] = Object.entries(s)
