// Tries: sandbox: the Function of an async function
// Ends: throws
// Memory: 64 MiB
return (() => 1).__proto__.constructor("return true")()
