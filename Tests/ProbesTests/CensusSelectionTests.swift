import Events
import Testing

@testable import Probes

@Suite struct CensusSelectionTests {
    private func task(_ pid: UInt32, pages: UInt64?, blocked: Bool = false, leader: UInt32? = nil) -> CensusTask {
        var task = CensusTask()
        task.task.pid = pid
        task.task.tgid = leader ?? pid
        task.state = blocked ? 2 : 1
        if let pages {
            task.anonRssPages = Figure(pages)
            task.fileRssPages = 0
            task.shmemRssPages = 0
            task.swapPages = 1
        }
        return task
    }

    private func kept(_ selection: CensusSelection) -> [CensusTask] {
        var result: [CensusTask] = []
        selection.handOut { result.append($0) }
        return result
    }

    @Test func `the largest processes are kept, the largest first, whatever order they come in`() {
        var selection = CensusSelection()
        for index in UInt32(0)..<1000 {
            selection.consider(task(index + 1, pages: UInt64(index * 7919 % 1000)), stack: { [] })
        }
        let sizes = kept(selection).map { $0.anonRssPages.value ?? 0 }
        #expect(sizes == (976...999).reversed().map { UInt64($0) })
        #expect(selection.processes == 1000)
        #expect(selection.blocked == 0)
    }

    @Test func `swap counts towards a process's size`() {
        var selection = CensusSelection()
        var swapped = task(1, pages: 5)
        swapped.swapPages = 1000
        selection.consider(task(2, pages: 900), stack: { [] })
        selection.consider(swapped, stack: { [] })
        #expect(kept(selection).map { $0.task.pid } == [1, 2])
    }

    @Test func `a task without an address space is counted but is none of the largest`() {
        var selection = CensusSelection()
        selection.consider(task(2, pages: nil), stack: { [] })
        #expect(kept(selection).isEmpty)
        #expect(selection.processes == 1)
    }

    @Test func `blocked tasks are kept with their stacks up to the bound, and those beyond are counted`() {
        var selection = CensusSelection()
        var stacksCopied = 0
        for pid in UInt32(1)...50 {
            selection.consider(task(pid, pages: nil, blocked: true)) {
                stacksCopied += 1
                return [UInt8(pid)]
            }
        }
        let tasks = kept(selection)
        #expect(tasks.map { $0.task.pid } == [UInt32](1...40))
        #expect(tasks.map { $0.stack } == (1...40).map { [UInt8($0)] })
        #expect(stacksCopied == 40)
        #expect(selection.blocked == 50)
        #expect(selection.blockedLeftOut == 10)
    }

    @Test func `a large process that is blocked is handed out once, with its stack`() {
        var selection = CensusSelection()
        selection.consider(task(1, pages: 100, blocked: true), stack: { [9] })
        selection.consider(task(2, pages: 200), stack: { [] })
        let tasks = kept(selection)
        #expect(tasks.map { $0.task.pid } == [2, 1])
        #expect(tasks.last?.stack == [9])
    }

    @Test func `who lets people in is kept however small, last and once, up to a bound`() {
        var selection = CensusSelection()
        for pid in UInt32(100)..<200 { selection.consider(task(pid, pages: 1000), stack: { [] }) }
        for pid in UInt32(1)...20 {
            var door = task(pid, pages: pid == 2 ? 5000 : 1)
            door.task.comm = Doors.names[0]
            selection.consider(door, stack: { [] })
        }
        let tasks = kept(selection)
        #expect(tasks.count == CensusSelection.largestKept + CensusSelection.doorsKept - 1)
        #expect(tasks[0].task.pid == 2)
        #expect(tasks.suffix(7).map { $0.task.pid } == [1, 3, 4, 5, 6, 7, 8])
    }

    @Test func `a blocked thread is no process`() {
        var selection = CensusSelection()
        selection.consider(task(11, pages: 100, blocked: true, leader: 10), stack: { [] })
        #expect(selection.processes == 0)
        #expect(selection.blocked == 1)
        #expect(kept(selection).count == 1)
    }

    @Test func `a second census knows nothing of the first`() {
        var selection = CensusSelection()
        selection.consider(task(1, pages: 100, blocked: true), stack: { [] })
        selection.reset()
        #expect(kept(selection).isEmpty)
        #expect(selection.processes == 0)
        #expect(selection.blocked == 0)
    }
}
