collect_ignore = ["bench"]  # benchmarks are commands that people run
