"""Measurement: latency, throughput, memory, environment, and whether other work disturbs."""
