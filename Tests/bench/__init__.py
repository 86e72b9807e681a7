"""What inquest costs, beside tools of its kind: `tools/bench`. Nothing here passes or fails."""
