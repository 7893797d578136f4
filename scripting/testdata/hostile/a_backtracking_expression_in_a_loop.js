// Tries: a backtracking expression in a loop
// Ends: finding
// Memory: 64 MiB
for (;;) { try { /^(a+)+\1$/.test("a".repeat(40) + "b") } catch (e) {} }
