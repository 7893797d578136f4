// Tries: a chain of bind
// Ends: stopped
// Memory: 64 MiB
let f = () => true; for (;;) f = f.bind(null)
