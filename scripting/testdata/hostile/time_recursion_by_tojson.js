// Tries: time: recursion by toJSON
// Ends: stopped
// Memory: 64 MiB
const o = {toJSON() { return JSON.stringify(o) }}; return JSON.stringify(o) !== ""
