"""Name what is on a picture of your own, with a network that was trained and kept:

vggsweep train.keep_weights=true
python examples/predict.py outputs/runs/trials/00000 boot.jpg
"""

import sys

import vggsweep
from vggsweep.errors import VggsweepError

if len(sys.argv) != 3:
    sys.exit(
        "predict.py takes a trial's directory and a picture: predict.py outputs/runs/trials/00000 boot.jpg"
    )
trial, picture = sys.argv[1:]
try:
    for name, probability in vggsweep.load_model(trial).predict(picture, top=3):
        print(f"{probability:6.1%}  {name}")
except VggsweepError as error:
    sys.exit(f"predict.py: {error}")
