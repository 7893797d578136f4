// Tries: memory: throw and finally
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) { try { throw keep.push({}) } catch (e) { continue } finally { keep.push({}) } }
