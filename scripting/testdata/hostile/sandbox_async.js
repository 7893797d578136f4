// Tries: sandbox: async
// Ends: finding
// Memory: 64 MiB
const f = async () => true; return f()
