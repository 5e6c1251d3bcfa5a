"""Results: records and what is read from them. Nothing here imports torch."""
