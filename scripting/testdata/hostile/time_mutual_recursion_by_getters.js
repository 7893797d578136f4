// Tries: time: mutual recursion by getters
// Ends: stopped
// Memory: 64 MiB
const o = {get a() { return o.b }, get b() { return o.a }}; return o.a
