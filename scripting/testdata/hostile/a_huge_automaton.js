// Tries: a huge automaton
// Ends: stopped
// Memory: 64 MiB
return /(?:(?:x{0,30}){0,30})y/.test("x".repeat(500000))
