"""Name what is on a picture of your own, with a network that was trained and kept:

vggsweep train.keep_weights=true
python examples/predict.py outputs/runs/trials/00000 boot.jpg
"""

import sys

import vggsweep

trial, picture = sys.argv[1:]
model = vggsweep.load_model(trial)
for name, probability in model.predict(picture, top=3):
    print(f"{probability:6.1%}  {name}")
