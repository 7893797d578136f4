// Tries: JSON by toJSON
// Ends: stopped
// Memory: 64 MiB
const o = {toJSON() { return [o, o] }}; return JSON.stringify({o}) === "x" || (() => { for (;;); })()
