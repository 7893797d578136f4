// Tries: memory: tagged templates
// Ends: stopped
// Memory: 64 MiB
const keep = [], t = (s, ...v) => keep.push(s, v); for (;;) t`a${1}b${2}c${3}`
