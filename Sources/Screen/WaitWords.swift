import Events
import Rendering

/// What a task in D state waits for, by its kernel stack: in plain words where a function on it is known, else the innermost one.
enum WaitWords {
    /// Of a stack the first that is found anywhere on it: why somebody waits is further out than where.
    private static let known: [(functions: [String], words: String)] = [
        (["do_swap_page"], "a page from swap"),
        (["mem_cgroup_handle_over_high"], "its cgroup's memory.high"),
        (
            ["balance_pgdat", "try_to_free_pages", "try_to_free_mem_cgroup_pages", "reclaim_throttle"],
            "memory to be freed"
        ),
        (["filemap_fault", "filemap_read", "filemap_get_pages", "page_cache_ra_unbounded"], "a page of a file"),
        (["jbd2_", "do_get_write_access", "xfs_log_"], "the file system's journal"),
        (["iomap_dio", "__iomap_dio_rw", "blkdev_direct_IO", "__blkdev_direct_IO"], "its own IO past the page cache"),
        (["rwsem_down_", "mmap_read_lock", "mmap_write_lock"], "a lock on a memory map"),
        (["rq_qos_wait", "blk_mq_get_tag"], "room in the disk's queue"),
    ]

    static func words(_ stack: Bytes) -> String {
        let frames = stack.split(separator: UInt8(ascii: "\n")).map { frame in
            String(decoding: frame.prefix { $0 != UInt8(ascii: "+") }, as: UTF8.self)
        }
        for (functions, words) in known {
            if let frame = frames.first(where: { frame in functions.contains { frame.hasPrefix($0) } }) {
                return words + " (" + Escaping.terminal(Bytes(frame.utf8)) + ")"
            }
        }
        guard let innermost = frames.first else { return "?" }
        return Escaping.terminal(Bytes(innermost.utf8))
    }
}
