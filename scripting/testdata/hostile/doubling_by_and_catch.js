// Tries: doubling by + and catch
// Ends: stopped
// Memory: 64 MiB
let s = "xxxxxxxx"; for (;;) { try { s = s + s } catch (e) {} }
