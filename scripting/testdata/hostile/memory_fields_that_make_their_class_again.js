// Tries: memory: fields that make their class again
// Ends: stopped
// Memory: 64 MiB
let n = 0; class A { a = n++ % 40 < 39 ? [new A(), new A()] : 0 } return !!new A()
