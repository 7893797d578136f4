// Tries: memory: arguments, kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; const f = function () { keep.push(arguments) }; for (;;) f(1, 2, 3)
