// Tries: time: recursion by a constructor
// Ends: stopped
// Memory: 64 MiB
class A { constructor() { new A() } } return !!new A()
