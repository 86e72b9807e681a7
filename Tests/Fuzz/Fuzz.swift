// The entry points of libFuzzer. tools/fuzz builds this; it is no part of the package.

import Glibc

/// One kind of bytes that come from somewhere else.
protocol FuzzTarget: Sendable {
    static var name: String { get }
    /// Does with the bytes what the program does with them. Traps, or fails a precondition, when they get the better of it.
    static func run(_ bytes: [UInt8])
    /// What a corpus begins with: good bytes, for the fuzzer to spoil.
    static var seeds: [(name: String, bytes: [UInt8])] { get }
}

let targets: [any FuzzTarget.Type] = [RecordingTarget.self, EventsTarget.self, LiveTarget.self]

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// `INQUEST_FUZZ` names the target.
let chosen: any FuzzTarget.Type = {
    let name = environment("INQUEST_FUZZ") ?? ""
    guard let found = targets.first(where: { $0.name == name }) else {
        fatalError("INQUEST_FUZZ must be one of: \(targets.map { $0.name }.joined(separator: " "))")
    }
    return found
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen.run([UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// With `INQUEST_FUZZ_SEEDS` set the seeds of all targets are written there, one directory each, and nothing else is done.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    guard let directory = environment("INQUEST_FUZZ_SEEDS") else { return 0 }
    for target in targets {
        mkdir("\(directory)/\(target.name)", 0o755)
        for seed in target.seeds {
            let file = open("\(directory)/\(target.name)/\(seed.name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            precondition(file >= 0 && write(file, seed.bytes, seed.bytes.count) == seed.bytes.count)
            close(file)
        }
    }
    exit(0)
}

/// Takes bytes from the front; zeros when there are no more.
struct Input {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isEmpty: Bool { at >= bytes.count }
    var rest: [UInt8] { Array(bytes[at...]) }

    mutating func byte() -> UInt8 {
        guard at < bytes.count else { return 0 }
        defer { at += 1 }
        return bytes[at]
    }

    mutating func take(_ count: Int) -> [UInt8] {
        let end = min(at + count, bytes.count)
        defer { at = end }
        return Array(bytes[at..<end])
    }
}
