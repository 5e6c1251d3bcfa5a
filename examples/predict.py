"""Name what is on a picture of your own, with a network that was trained and kept:

vggsweep train.keep_weights=true
python examples/predict.py runs/0 boot.jpg

`vggsweep predict` does the same for many pictures.
"""

import sys

import vggsweep
from vggsweep.errors import ConfigError, VggsweepError

try:
    if len(sys.argv) != 3:
        raise ConfigError("name a trial and a picture: runs/0 boot.jpg")
    trial, picture = sys.argv[1:]
    for name, probability in vggsweep.load_model(trial).predict(picture, top=3):
        print(f"{probability:6.1%}  {name}")
except VggsweepError as error:
    print(f"predict.py: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
