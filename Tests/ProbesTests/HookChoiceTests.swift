import Events
import Glibc
import Testing

@testable import Probes

@Suite struct HookChoiceTests {
    private let features = [
        Feature("kill", [.rich("fentry/f", ["entry", "mark"]), .plain("raw_tp/mark", ["mark"])]),
        Feature("other", [.rich("raw_tp/other", ["other"])]),
        Feature("three", [.rich("a", ["a"]), .rich("b", ["b"]), .plain("c", ["c"])]),
    ]

    private func state(_ choice: HookChoice, _ name: String) -> HookState? {
        choice.states.first { $0.name == Bytes(name.utf8) }
    }

    @Test func `the richest is used when nothing is refused`() {
        let choice = HookChoice(features: features)
        #expect(choice.programs == ["entry", "mark", "other", "a"])
        #expect(choice.states.allSatisfy { $0.mode == .rich && $0.errno == 0 && $0.refused.isEmpty })
    }

    @Test func `a refused program leaves the next candidate, and the reason`() {
        var choice = HookChoice(features: features)
        choice.refuse("entry", EPERM)
        #expect(choice.programs == ["mark", "other", "a"])
        let kill = state(choice, "kill")
        #expect(kill?.mode == .plain)
        #expect(kill?.mechanism == Bytes("raw_tp/mark".utf8))
        #expect(kill?.refused == Bytes("fentry/f".utf8))
        #expect(kill?.errno == UInt32(EPERM))
    }

    @Test func `a feature of which everything is refused is absent, its programs are not loaded`() {
        var choice = HookChoice(features: features)
        choice.refuse("other", ENOENT)
        choice.refuse("mark", EINVAL)
        #expect(choice.programs == ["a"])
        #expect(state(choice, "other")?.mode == .absent)
        #expect(state(choice, "other")?.mechanism == [])
        #expect(state(choice, "other")?.errno == UInt32(ENOENT))
        #expect(state(choice, "kill")?.mode == .absent)
        #expect(state(choice, "kill")?.errno == UInt32(EINVAL))
    }

    @Test func `a lockdown is named, before a function that is missing`() {
        var choice = HookChoice(features: features)
        choice.refuse("a", ESRCH)
        choice.refuse("b", EINVAL, lockedDown: true)
        #expect(state(choice, "three")?.isLockedDown == false, "the third is in use")
        choice.refuse("c", EINVAL, lockedDown: true)
        let three = state(choice, "three")
        #expect(three?.isLockedDown == true)
        #expect(three?.refused == Bytes("b, lockdown=confidentiality".utf8))
        #expect(three?.errno == UInt32(EPERM))
        choice.refuse("other", EINVAL)
        #expect(state(choice, "other")?.isLockedDown == false)
    }

    @Test func `of several that were refused the richest is named`() {
        var choice = HookChoice(features: features)
        choice.refuse("b", EINVAL)
        #expect(state(choice, "three")?.refused == [])
        choice.refuse("a", ESRCH)
        #expect(state(choice, "three")?.mechanism == Bytes("c".utf8))
        #expect(state(choice, "three")?.refused == Bytes("a".utf8))
        #expect(state(choice, "three")?.errno == UInt32(ESRCH))
    }

    @Test func `every program of the table is in the object, and every program of the object in the table`() throws {
        let object = try BpfObject()
        let table = Set(Feature.table(ProbeOptions()).flatMap(\.candidates).flatMap(\.programs))
        #expect(Set(object.programNames) == table)
        for program in table { #expect(object.section(program)?.contains("/") == true) }
    }

    @Test func `the verifier's last word is the reason, and the program is named`() {
        var tail = LogTail()
        #expect(tail.program == nil && tail.reason == "")
        tail.take("libbpf: prog 'iq_x': BPF program load failed: Permission denied\n")
        tail.take(
            "libbpf: prog 'iq_x': -- BEGIN PROG LOAD LOG --\n0: (79) r6 = *(u64 *)(r1 +0)\nR1 invalid mem access 'inv'\n"
                + "processed 12 insns (limit 1000000) max_states_per_insn 0\n-- END PROG LOAD LOG --\n")
        tail.take("libbpf: prog 'iq_x': failed to load: -13\nlibbpf: failed to load object 'inquest'\n")
        #expect(tail.program == "iq_x")
        #expect(tail.reason == "R1 invalid mem access 'inv'")
    }
}
