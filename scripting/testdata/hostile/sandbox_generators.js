// Tries: sandbox: generators
// Ends: finding
// Memory: 64 MiB
function* g() { for (;;) yield 1 } return [...g()].length > 0
