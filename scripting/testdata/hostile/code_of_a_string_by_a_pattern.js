// Tries: code of a string by a pattern
// Ends: throws
// Memory: 64 MiB
const {constructor: F} = () => 1; return F("return true")()
