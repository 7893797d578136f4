// Tries: memory: classes kept
// Ends: stopped
// Memory: 64 MiB
const keep = []; for (;;) keep.push(class { a = 1; b() {} c() {} static d() {} get e() { return 1 } })
