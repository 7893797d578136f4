// Tries: replacing by a function
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(100000); return s.replace(/x/g, () => s) !== ""
