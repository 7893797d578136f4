// Tries: time: recursion by replace
// Ends: stopped
// Memory: 64 MiB
const f = () => "x".replace("x", f); return f() !== ""
