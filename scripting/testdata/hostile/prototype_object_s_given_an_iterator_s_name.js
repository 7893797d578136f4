// Tries: prototype: Object's given an iterator's name
// Ends: stopped
// Memory: 64 MiB
Object.prototype.next = () => ({done: false}); Object.prototype.done = false; for (;;);
