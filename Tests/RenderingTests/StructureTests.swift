import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// What a Markdown reader makes of a line, whatever its words: its place in the document's structure, and the characters in it that
/// still mean something.
private struct Structure: Equatable, CustomStringConvertible {
    let kind: String
    let syntax: String
    var description: String { "\(kind) \(syntax)" }

    init(_ line: Substring) {
        // What the escaping itself writes: a character that a backslash robs of its meaning, a space, an empty comment.
        var rest = line.replacingOccurrences(of: "<!-- -->", with: "").replacingOccurrences(of: "&#32;", with: ".")
        rest = rest.replacing(/\\[!-\/:-@\[-`{-~]/, with: ".")
        let marker = rest.prefixMatch(of: /\ *(#+\ |[-+*]\ |\d+[.)]\ |>|\|)?/)?.output.0 ?? ""
        // Numbers of a list are the document's own.
        kind = String(marker).replacing(/\d+/, with: "1")
        syntax = String(rest.dropFirst(marker.count).filter { "`*_[]<|~&$#".contains($0) })
    }
}

@Suite struct StructureTests {
    /// The same incident, once with names that hurt and once with names that do not: each name gets one of its own.
    private func incidents(_ seed: UInt64) -> (hostile: Incident, plain: Incident) {
        var hostile = Incident()
        var wild = WildFields(seed: seed)
        hostile.walk(&wild)
        var plain = Incident()
        var tame = WildFields(
            seed: seed,
            names: wild.names.map { name in name.isEmpty ? [] : b("name\(wild.names.firstIndex(of: name) ?? 0)") })
        plain.walk(&tame)
        return (hostile, plain)
    }

    @Test func `no name changes the structure of a post-mortem`() {
        for seed in 1...200 as ClosedRange<UInt64> {
            let (hostile, plain) = incidents(seed)
            let (found, should) = (lines(hostile), lines(plain))
            #expect(found.count == should.count, "seed \(seed)")
            for (line, wanted) in zip(found, should) where Structure(line) != Structure(wanted) {
                Issue.record("seed \(seed): \(Structure(line)) instead of \(Structure(wanted)): \(line)")
            }
        }
    }

    private func lines(_ incident: Incident) -> [Substring] {
        let page = String(decoding: Markdown.render(incident), as: UTF8.self)
        return page.split(separator: "\n", omittingEmptySubsequences: false)
    }
}
