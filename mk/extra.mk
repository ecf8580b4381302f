# Sanitizers, fuzzers, benchmarks, static analysis, generated files, installation.
