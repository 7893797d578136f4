// Tries: prototype: Array's methods replaced
// Ends: stopped
// Memory: 64 MiB
Array.prototype.includes = () => true; Array.prototype.some = () => true; for (;;);
