// Tries: recursion that catches
// Ends: stopped
// Memory: 64 MiB
const f = () => { try { f() } catch (e) { f() } }; f(); return true
