"""The bare words that ``vggsweep`` understands, one file each."""
