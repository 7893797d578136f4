// Tries: prototype: a guarded method replaced by assign
// Ends: stopped
// Memory: 64 MiB
Object.assign(String.prototype, {toUpperCase() { return this.repeat(1000) }}); let s = "x"; for (;;) s = s.toUpperCase()
