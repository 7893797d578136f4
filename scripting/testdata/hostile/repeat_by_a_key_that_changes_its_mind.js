// Tries: repeat by a key that changes its mind
// Ends: throws
// Memory: 64 MiB
let n = 0; return "x"[{toString() { return n++ ? "repeat" : "trim" }}](1 << 28) !== ""
