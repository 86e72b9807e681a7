import Incidents

/// What may follow in a command line, as all three shells need to know it.
enum Candidates: Equatable {
    case nothing
    case files
    case directories
    case users
    case words([String])
    /// Words that an equals sign and a value follow.
    case names([String])

    init(_ flag: any FlagDeclaration) {
        switch flag.kind {
        case .choice(let words): self = .words(words)
        case .text(metavar: "DIR"): self = .directories
        case .text(metavar: "FILE"), .text(metavar: "SOCKET"): self = .files
        case .text(metavar: "USER"): self = .users
        case .setting(metavar: "THRESHOLD"): self = .names(Rules.all.map(\.name.label))
        default: self = .nothing
        }
    }
}

extension Operand {
    /// Words that can be given as they stand; a word in capitals stands for something else.
    func words(_ verbs: [Verb]) -> [String] {
        name.split(separator: "|").flatMap { part in
            if part == "VERB" { return verbs.filter { !$0.isHidden }.map(\.name) }
            return part == part.uppercased() ? [] : [String(part)]
        }
    }

    var takesIncident: Bool { name.split(separator: "|").contains("ID") }
}

/// Completion for bash, zsh and fish, made from the table of verbs.
struct Completions {
    let verbs: [Verb]

    private var listed: [Verb] { verbs.filter { !$0.isHidden } }

    /// File names, as the shells look for them, with their text.
    var all: [(name: String, text: String)] {
        [("inquest.bash", bash()), ("_inquest", zsh()), ("inquest.fish", fish())]
    }

    /// The shells ask for the incidents' ids; silent where the recording cannot be read.
    private static let incidents = "inquest list 2>/dev/null | sed 1d | cut -d ' ' -f 1"

    private func bash() -> String {
        var text = """
            # bash completion of inquest, made from the table of its flags.
            _inquest() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
                COMPREPLY=()
                if [[ $COMP_CWORD -eq 1 ]]; then
                    COMPREPLY=($(compgen -W \(quoted(words(listed.map(\.name) + ["--help", "--version"]))) -- "$cur"))
                    return
                fi
                # --flag=VALUE comes as three words.
                if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi
                case "$verb $prev" in

            """
        for verb in listed {
            for flag in verb.flags where flag.kind != .toggle {
                let names = spellings(flag).map { quoted("\(verb.name) \($0)") }.joined(separator: " | ")
                text += "        \(names))\n"
                for line in bash(Candidates(flag)) { text += "            \(line)\n" }
                text += "            return\n            ;;\n"
            }
        }
        text += "    esac\n    case \"$verb $cur\" in\n"
        for verb in listed {
            let flags = words(verb.flags.flatMap(spellings) + ["--help"])
            text += "        \(quoted("\(verb.name) -"))*)\n"
            text += "            COMPREPLY=($(compgen -W \(quoted(flags)) -- \"$cur\"))\n            ;;\n"
            guard let operand = verb.operand else { continue }
            let incidents = operand.takesIncident ? " $(\(Self.incidents))" : ""
            text += "        \(quoted(verb.name + " "))*)\n"
            text += "            COMPREPLY=($(compgen -W \"\(words(operand.words(verbs)))\(incidents)\" -- \"$cur\"))\n"
            text += "            ;;\n"
        }
        return text + "    esac\n}\ncomplete -F _inquest inquest\n"
    }

    private func bash(_ candidates: Candidates) -> [String] {
        func reply(_ kind: String) -> String { "mapfile -t COMPREPLY < <(compgen \(kind) -- \"$cur\")" }
        return switch candidates {
        case .nothing: []
        case .files: ["compopt -o filenames", reply("-f")]
        case .directories: ["compopt -o filenames", reply("-d")]
        case .users: [reply("-u")]
        case .words(let list): [reply("-W \(quoted(words(list)))")]
        case .names(let list): ["compopt -o nospace", reply("-S = -W \(quoted(words(list)))")]
        }
    }

    private func zsh() -> String {
        var text = """
            #compdef inquest
            # zsh completion of inquest, made from the table of its flags.
            # The words given, and the incidents' ids.
            _inquest_incidents() {
                compadd -- "$@" ${(f)"$(\(Self.incidents))"}
            }
            _inquest() {
                local -a verbs
                verbs=(

            """
        for verb in listed { text += "        \(quoted("\(verb.name):\(verb.summary)"))\n" }
        text += """
                )
                if ((CURRENT == 2)); then
                    _describe verb verbs
                    return
                fi
                local verb=$words[2]
                shift words
                ((CURRENT--))
                case $verb in

            """
        for verb in listed {
            var specs = verb.flags.flatMap(zsh) + [quoted("--help[\(Flags.help.help)]")]
            if let operand = verb.operand {
                let given = words(operand.words(verbs))
                specs.append(
                    quoted(
                        "*:\(operand.name):" + (operand.takesIncident ? "{_inquest_incidents \(given)}" : "(\(given))"))
                )
            }
            text += "        \(verb.name))\n            _arguments \\\n                "
            text += specs.joined(separator: " \\\n                ") + "\n            ;;\n"
        }
        return text + "    esac\n}\n_inquest \"$@\"\n"
    }

    private func zsh(_ flag: any FlagDeclaration) -> [String] {
        func escaped(_ help: String) -> String {
            help.map { "[]:\\".contains($0) ? "\\\($0)" : String($0) }.joined()
        }
        let repeated: Bool = if case .setting = flag.kind { true } else { false }
        return spellings(flag).map { name in
            var spec = (repeated ? "*" : "") + name + (flag.kind == .toggle || !name.hasPrefix("--") ? "" : "=")
            spec += "[\(escaped(flag.help))]"
            guard let metavar = flag.kind.metavar else { return quoted(spec) }
            let action =
                switch Candidates(flag) {
                case .nothing: " "
                case .files: "_files"
                case .directories: "_directories"
                case .users: "_users"
                case .words(let list): "(\(words(list)))"
                case .names(let list): "compadd -S = -- \(words(list))"
                }
            return quoted("\(spec):\(escaped(metavar)):\(action)")
        }
    }

    private func fish() -> String {
        var text = "# fish completion of inquest, made from the table of its flags.\n"
        text += "complete -c inquest -f\n"
        text += "complete -c inquest -l \(Flags.help.name) -d \(fishQuoted(Flags.help.help))\n"
        text +=
            "complete -c inquest -n __fish_use_subcommand -l \(Flags.version.name) -d \(fishQuoted(Flags.version.help))\n"
        for verb in listed {
            text += "complete -c inquest -n __fish_use_subcommand -a \(verb.name) -d \(fishQuoted(verb.summary))\n"
        }
        for verb in listed {
            let start = "complete -c inquest -n '__fish_seen_subcommand_from \(verb.name)'"
            for flag in verb.flags {
                let short = flag.short.map { " -s \($0)" } ?? ""
                text += "\(start)\(short) -l \(flag.name)\(fish(flag)) -d \(fishQuoted(flag.help))\n"
            }
            guard let operand = verb.operand else { continue }
            let given = operand.words(verbs)
            if !given.isEmpty { text += "\(start) -a \(fishQuoted(words(given)))\n" }
            if operand.takesIncident { text += "\(start) -a \(fishQuoted("(\(Self.incidents))"))\n" }
        }
        return text
    }

    private func fish(_ flag: any FlagDeclaration) -> String {
        guard flag.kind != .toggle else { return "" }
        return switch Candidates(flag) {
        case .nothing: " -x"
        case .files: " -r -F"
        case .directories: " -x -a '(__fish_complete_directories)'"
        case .users: " -x -a '(__fish_complete_users)'"
        case .words(let list): " -x -a \(fishQuoted(words(list)))"
        case .names(let list): " -x -a \(fishQuoted(words(list.map { $0 + "=" })))"
        }
    }

    private func spellings(_ flag: any FlagDeclaration) -> [String] {
        (flag.short.map { ["-\($0)"] } ?? []) + ["--\(flag.name)"]
    }

    private func words(_ words: [String]) -> String { words.joined(separator: " ") }

    /// One word of the shell's, whatever is in it.
    private func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private func fishQuoted(_ text: String) -> String {
        "'" + text.map { "'\\".contains($0) ? "\\\($0)" : String($0) }.joined() + "'"
    }
}
