import Events

/// A writer of figures alone. What tells series from each other is `Series`; samples have no other kinds of fields.
protocol FigureWalker: ~Copyable, FieldWalker where Failure == Never {}

extension FigureWalker where Self: ~Copyable {
    mutating func flag(_ name: StaticString, _ value: inout Bool) {}
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {}
    mutating func signed(_ name: StaticString, _ value: inout Int64) {}
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) {}
    mutating func comm(_ name: StaticString, _ value: inout Comm) {}
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {}
    mutating func text(_ name: StaticString, _ value: inout Bytes) {}
    mutating func blob(_ name: StaticString, _ value: inout Bytes) {}
    mutating func moment(_ name: StaticString, _ value: inout Moment) {}
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {}
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {}
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {}
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {}
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {}
}
