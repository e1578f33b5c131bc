"""Measures what the README claims. `make bench` runs all of it but `benchmarks.startup`, which
needs a lab that is built."""
