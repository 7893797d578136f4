// Tries: repeat by a computed name
// Ends: throws
// Memory: 64 MiB
return "x"["re" + "peat"](1 << 28) !== ""
