// Tries: time: recursion by super
// Ends: stopped
// Memory: 64 MiB
class A { get x() { return this.y } } class B extends A { get y() { return super.x } } return new B().x
