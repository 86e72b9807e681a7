// swift-tools-version: 6.2
import PackageDescription

// The rooms and who may import whom are drawn in ARCHITECTURE.md; tools/check-architecture proves it.

let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// For what only the tests use.
let relaxed: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// Static archives by exact file name, so that the release binary needs no library of the machine it runs on.
let bpfLibraries: [LinkerSetting] = [
    .linkedLibrary(":libbpf.a"), .linkedLibrary(":libelf.a"), .linkedLibrary(":libz.a"),
]

/// Of Debian's libsqlite3-dev; it needs the mathematics that glibc keeps apart.
let databaseLibraries: [LinkerSetting] = [.linkedLibrary(":libsqlite3.a"), .linkedLibrary("m")]

func room(_ name: String, _ dependencies: [Target.Dependency], linker: [LinkerSetting] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: linker)
}

func tests(_ room: String, _ more: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(room)Tests", dependencies: [.target(name: room)] + more, resources: resources,
        swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")])
}

let package = Package(
    name: "inquest",
    targets: [
        .target(
            name: "KernelWire", path: "bpf", exclude: ["programs", "prebuilt"], sources: ["embed.c"],
            publicHeadersPath: "include"),
        .systemLibrary(name: "CLibbpf"),
        .systemLibrary(name: "CSQLite"),
        .target(name: "CLinux"),
        room("Events", ["KernelWire"]),
        room("Probes", ["Events", "KernelWire", "CLibbpf", "CLinux"], linker: bpfLibraries),
        room("Host", ["Events", "CLinux"]),
        room("Recording", ["Events", "CLinux"]),
        room("Incidents", ["Events"]),
        room("Rendering", ["Incidents", "Events"]),
        room("Screen", ["Rendering", "Incidents", "Events"]),
        room("Database", ["Events", "Incidents", "Rendering", "CSQLite"], linker: databaseLibraries),
        room("Metrics", ["Rendering", "Incidents", "Events"]),
        room("Scrape", ["CLinux"]),
        room("Live", ["Events", "CLinux"]),
        .executableTarget(
            name: "inquest",
            dependencies: [
                "Events", "Probes", "Host", "Recording", "Incidents", "Rendering", "Screen", "Database", "Metrics",
                "Scrape", "Live", "CLinux",
            ],
            swiftSettings: strict, linkerSettings: bpfLibraries + databaseLibraries),
        .target(name: "EventSamples", dependencies: ["Events"], path: "Tests/EventSamples", swiftSettings: relaxed),
        .executableTarget(
            name: "recording-writer",
            dependencies: ["Recording", "Incidents", "Live", "Events", "EventSamples", "CLinux"],
            path: "Tests/RecordingWriterProcess", swiftSettings: relaxed),
        tests("Events", ["KernelWire", "EventSamples"]),
        tests("Probes", ["Events", "CLinux", "CLibbpf", "KernelWire"]),
        // A process for the OOM killer, which the live tests run: never linked into anything.
        .executableTarget(name: "balloon", path: "Tests/balloon", linkerSettings: [.linkedLibrary("pthread")]),
        tests("Host", ["Events"]),
        tests("Recording", ["Events", "EventSamples", "CLinux", "recording-writer"]),
        tests("Incidents", ["Events", "EventSamples", "Recording"]),
        tests("Rendering", ["Incidents", "Events", "EventSamples", "Database", "CSQLite"]),
        tests("Screen", ["Rendering", "Incidents", "Events", "EventSamples"]),
        tests("Database", ["Incidents", "Rendering", "Events", "EventSamples", "CSQLite"]),
        tests("Metrics", ["Incidents", "Events", "EventSamples"]),
        tests("Scrape"),
        tests("Live", ["Events", "EventSamples"]),
        tests("inquest", ["Events", "Probes", "Host", "Recording", "Incidents", "Rendering", "Live"]),
    ],
    cLanguageStandard: .c2x
)
