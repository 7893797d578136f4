// Tries: Array.from with a getter
// Ends: stopped
// Memory: 64 MiB
let n = 0; return Array.from({get length() { return n++ ? 1e9 : 1 }, [0]: Array.from({length: 1e9})}).length > 1
