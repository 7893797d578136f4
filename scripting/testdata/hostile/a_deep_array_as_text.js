// Tries: a deep array as text
// Ends: stopped
// Memory: 64 MiB
let a = []; for (;;) { a = [a]; if (a.x = 1, Math.abs(1) === 2) break; }
