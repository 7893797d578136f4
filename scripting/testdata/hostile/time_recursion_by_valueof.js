// Tries: time: recursion by valueOf
// Ends: stopped
// Memory: 64 MiB
const o = {valueOf() { return +o }}; return +o > 1
