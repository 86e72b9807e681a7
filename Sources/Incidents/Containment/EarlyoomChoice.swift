import Events

/// Whom earlyoom would choose (earlyoom(1)): the largest `oom_score`, with 300 more for a name that `--prefer` matches and 300
/// less for one that `--avoid` matches. Avoiding is no exemption; `--ignore` is one, and an `oom_score_adj` of -1000.
struct EarlyoomChoice {
    /// What a list says of a name.
    enum Say: Equatable {
        case nothing
        case prefers
        case avoids
        case ignores
        /// A pattern that is not understood here.
        case unknown
    }

    static let weight: Int64 = 300

    private struct List {
        let option: String
        let say: Say
        var text: ArraySlice<UInt8>?
        var pattern: ExtendedPattern?
    }

    private var lists = [
        List(option: "--ignore", say: .ignores), List(option: "--avoid", say: .avoids),
        List(option: "--prefer", say: .prefers),
    ]

    /// - Parameter commandLine: NUL-separated.
    init(commandLine: Bytes) {
        let arguments = commandLine.split(separator: 0)
        for (index, argument) in arguments.enumerated().dropFirst() {
            for place in lists.indices {
                let option = lists[place].option
                let text: ArraySlice<UInt8>
                if argument.elementsEqual(option.utf8), index + 1 < arguments.count {
                    text = arguments[index + 1]
                } else if starts(argument, with: option + "=") {
                    text = argument.dropFirst(option.utf8.count + 1)
                } else {
                    continue
                }
                lists[place].text = text
                lists[place].pattern = ExtendedPattern(text)
            }
        }
    }

    /// The lists as they were given: `--avoid (^|/)(init|sshd)$`; empty without any.
    var words: Phrase {
        var words = Phrase()
        for list in lists {
            guard let text = list.text else { continue }
            words.append("\(words.isEmpty ? "" : " ")\(list.option) \(setting: Bytes(text))")
        }
        return words
    }

    func says(of comm: Comm) -> Say {
        for list in lists where list.text != nil {
            guard let matches = list.pattern?.matches(comm.bytes) else { return .unknown }
            if matches { return list.say }
        }
        return .nothing
    }

    /// Its order: whom it would kill first; those that it never kills are not in it.
    func order(_ candidates: [KillCandidate]) -> [KillCandidate]? {
        var scored: [(score: Int64, candidate: KillCandidate)] = []
        for candidate in candidates {
            var score = Int64(candidate.oomScore)
            switch says(of: candidate.comm) {
            case .nothing: break
            case .prefers: score += Self.weight
            case .avoids: score -= Self.weight
            case .ignores: continue
            case .unknown: return nil
            }
            scored.append((score, candidate))
        }
        return scored.sorted { a, b in
            (a.score, a.candidate.rssBytes.value ?? 0) > (b.score, b.candidate.rssBytes.value ?? 0)
        }.map(\.candidate)
    }
}
