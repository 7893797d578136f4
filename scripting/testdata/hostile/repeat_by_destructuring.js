// Tries: repeat by destructuring
// Ends: throws
// Memory: 64 MiB
const {["re" + "peat"]: r} = "x"; return r.call("x", 1 << 28) !== ""
