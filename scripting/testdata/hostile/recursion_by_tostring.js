// Tries: recursion by toString
// Ends: stopped
// Memory: 64 MiB
const o = {toString() { return "" + o }}; return "" + o
