// Tries: time: a named back-reference
// Ends: finding
// Memory: 64 MiB
return !/(?<x>a+)+\k<x>$/.test("a".repeat(60))
