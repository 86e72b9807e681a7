/// What is counted in the kernel and read once an interval, and the census: the rows of the feature table.
extension Feature {
    static let blockIO = Feature("block_io", [.rich("tp_btf/block_rq_complete", ["iq_block_rq_complete"])])

    static let stalls = [
        Feature(
            "memory_high",
            [
                .rich("fentry/__mem_cgroup_handle_over_high", ["iq_over_high_enter_inner", "iq_over_high_exit_inner"]),
                .rich("fentry/mem_cgroup_handle_over_high", ["iq_over_high_enter_plain", "iq_over_high_exit_plain"]),
                .plain("tp_btf/sched_switch", ["iq_sched_switch"], underPressureOnly: true),
            ]),
        Feature(
            "direct_reclaim",
            [.rich("raw_tp/mm_vmscan_direct_reclaim_begin", ["iq_direct_reclaim_begin", "iq_direct_reclaim_end"])]),
        Feature(
            "memcg_reclaim",
            [.rich("raw_tp/mm_vmscan_memcg_reclaim_begin", ["iq_memcg_reclaim_begin", "iq_memcg_reclaim_end"])]),
    ]

    static let census = [
        Feature("census", [.rich("iter/task", ["iq_census"])]),
        Feature("census_cgroups", [.rich("iter/cgroup", ["iq_census_cgroups"])]),
    ]
}
