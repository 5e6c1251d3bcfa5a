"""A trained network as a folder that needs no sweep.

formats.py  the files: ONNX, torch.export, safetensors
check.py    what was written is read again and scores as the network does; latency under onnxruntime
card.py     ``card.json`` and ``README.md``: what it is, how good, of which data, how it was made
folder.py   all of it, whole or not at all
"""
