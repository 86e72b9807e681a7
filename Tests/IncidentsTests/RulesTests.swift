import Incidents
import Testing

@Suite struct RulesTests {
    @Test func `every threshold is documented once, with a source`() {
        #expect(Rules.all.count == RuleName.allCases.count)
        #expect(Set(Rules.all.map(\.name)).count == Rules.all.count)
        for rule in Rules.all {
            #expect(!rule.source.isEmpty && !rule.meaning.isEmpty, "\(rule.name.label)")
            #expect(Rules()[rule.name] == rule.defaultValue)
        }
    }

    @Test func `a threshold is set by name, times with a unit`() throws {
        var rules = Rules()
        try rules.set(name: "kill_merge", value: "500ms")
        try rules.set(name: "watch_window", value: "2s")
        try rules.set(name: "memory_some_watch", value: "20%")
        #expect(rules[.killMerge] == 500_000_000)
        #expect(rules[.watchWindow] == 2_000_000_000)
        #expect(rules[.memorySomeWatch] == 20)
    }

    @Test func `every default is written as it can be set`() throws {
        for rule in Rules.all {
            var rules = Rules()
            rules[rule.name] = 0
            try rules.set(name: rule.name.label, value: rule.written(rule.defaultValue))
            #expect(rules == Rules(), "\(rule.name.label)")
        }
    }

    @Test func `an unknown name is answered with the nearest`() {
        var rules = Rules()
        #expect(throws: RuleError.unknownName("memory_some_wach", nearest: "memory_some_watch")) {
            try rules.set(name: "memory_some_wach", value: "1")
        }
    }

    @Test(arguments: ["", "x", "-1", "1.5", "99999999999999999999", "18446744073709551615s"])
    func `a value that is no whole number is refused`(_ value: String) {
        var rules = Rules()
        #expect(throws: RuleError.self) { try rules.set(name: "kill_merge", value: value) }
        #expect(rules == Rules())
    }

    @Test func `a threshold changes what is found`() throws {
        let events = try Cases.events("kills-within-ten-seconds")
        var rules = Rules()
        try rules.set(name: "kill_merge", value: "1s")
        try rules.set(name: "close_calm", value: "1s")
        func opened(_ rules: Rules) -> Int {
            Cases.run(events, rules: rules).findings.filter { if case .opened = $0 { true } else { false } }.count
        }
        #expect(opened(Rules()) == 2)
        #expect(opened(rules) == 4)
    }
}
