"""Sweeps: directories, studies, ownership of trials, and what runs them."""
