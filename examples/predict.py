"""Name what is on a picture of your own, with a network that was trained and kept:

vggsweep train.keep_weights=true
python examples/predict.py outputs/runs/trials/00000 boot.jpg
"""

import sys

import vggsweep
from vggsweep.errors import ConfigError, VggsweepError

try:
    if len(sys.argv) != 3:
        raise ConfigError("name a trial's directory and a picture: outputs/runs/trials/00000 boot.jpg")
    trial, picture = sys.argv[1:]
    for name, probability in vggsweep.load_model(trial).predict(picture, top=3):
        print(f"{probability:6.1%}  {name}")
except VggsweepError as error:
    print(f"predict.py: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
