// Tries: repeat on what poses as a string
// Ends: stopped
// Memory: 64 MiB
let n = 0; return "".repeat.call({toString() { return n++ ? "x".repeat(1000) : "x" }}, 1 << 27) !== ""
