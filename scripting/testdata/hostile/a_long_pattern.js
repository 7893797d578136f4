// Tries: a long pattern
// Ends: throws
// Memory: 64 MiB
return new RegExp("(x|".repeat(300) + ")".repeat(300) + "y{1000}").test("x") || new RegExp("a".repeat(100000)).test("a")
