"""Configuration: where ``conf/`` lies, how a line composes, what a composed configuration must satisfy."""
