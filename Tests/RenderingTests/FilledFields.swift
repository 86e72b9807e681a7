import Events

/// Sets every field to a value that is not its default and not like its neighbours': what is written from it shows every key
/// with a value.
struct FilledFields: FieldWalker {
    typealias Failure = Never
    var number: UInt64 = 100

    private mutating func next() -> UInt64 {
        number += 1
        return number
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { value = next() }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { value = -Int64(next()) }
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) { value = Int64(next()) }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { value = true }
    mutating func figure(_ name: StaticString, _ value: inout Figure) {
        value = next() % 5 == 0 ? .unlimited : Figure(next())
    }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) { value = Array(C.allCases).last ?? value }
    mutating func comm(_ name: StaticString, _ value: inout Comm) { value = Comm("task\(next())") }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) { value = BootID(high: next(), low: next()) }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { value = Bytes("\(name)-\(next())".utf8) + [0xff] }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { value = [1, 2, 3] }
    mutating func moment(_ name: StaticString, _ value: inout Moment) { value = Moment(boottimeNs: next()) }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) { value = Ratio(millionths: UInt32(next())) }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        value.counts[3] = 7
        value.counts[31] = 1
    }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) { value.walk(&self) }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        var inner = F()
        inner.walk(&self)
        value = inner
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        value = [F(), F()]
        for index in value.indices { value[index].walk(&self) }
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) { value = [Bytes("a".utf8), Bytes("\\".utf8)] }
}

/// A walker that leaves everything as it is: with `Payload.read` it gives the payload of a kind with nothing known.
struct UntouchedFields: NameWalker {
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {}
}
