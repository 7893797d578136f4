// Tries: time: a loop over what grows
// Ends: stopped
// Memory: 64 MiB
const a = [1]; for (const x of a) a.push(x); return true
