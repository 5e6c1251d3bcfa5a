"""Measurement: latency, throughput, memory, environment."""
