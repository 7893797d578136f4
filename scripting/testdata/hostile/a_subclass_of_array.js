// Tries: a subclass of Array
// Ends: stopped
// Memory: 64 MiB
class A extends Array {}; return new A(4e9).fill(1).length > 1
