// Tries: time: look-behind
// Ends: finding
// Memory: 64 MiB
return !/(?<=a+)b/.test("b")
