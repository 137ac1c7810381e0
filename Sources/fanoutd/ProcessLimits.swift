// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutSystem
internal import Glibc

/// What the process asks of the kernel for itself.
enum ProcessLimits {
    /// Many descriptors, no key in a core dump, and a heap that isn't given back page by page.
    static func apply() {
        // A thread's own arena of glibc shrinks whenever a large buffer is freed and grows again by a system call a
        // page, which took 7 % of the time of single items.
        fanout_keep_heap()
        var files = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 {
            files.rlim_cur = min(files.rlim_max, 65_536)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        }
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // A core that is piped to a program ignores the limit, core(5).
        _ = fanout_forbid_dumps()
    }
}
