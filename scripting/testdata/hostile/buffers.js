// Tries: buffers
// Ends: throws
// Memory: 64 MiB
return new ArrayBuffer(1e9).byteLength > 1
