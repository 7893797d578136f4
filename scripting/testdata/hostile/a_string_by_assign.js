// Tries: a string by assign
// Ends: stopped
// Memory: 64 MiB
const s = "x".repeat(900000); for (;;) Object.assign({}, s)
