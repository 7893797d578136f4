// Tries: doubling by a template
// Ends: stopped
// Memory: 64 MiB
let s = 'xxxxxxxx'; for (;;) s = `${s}${s}`
