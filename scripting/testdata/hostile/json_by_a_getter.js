// Tries: JSON by a getter
// Ends: stopped
// Memory: 64 MiB
let n = 0; const big = Array.from({length: 1000}, () => "x".repeat(500)); const o = {get x() { return n++ ? [o, o, big] : 1 }}; return JSON.stringify(Array.from({length: 1000}, () => o)) !== ""
