"""``python -m vggsweep`` is the ``vggsweep`` command."""

from vggsweep.cli import main

if __name__ == "__main__":
    main()
