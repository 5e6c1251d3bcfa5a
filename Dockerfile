# vggsweep in a container. `docker build -t vggsweep .` gives CPU; a base that brings torch for CUDA is an argument:
#   docker build --build-arg BASE=pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime -t vggsweep:cuda .
ARG BASE=python:3.12-slim
FROM ${BASE}

# where pip finds torch; a base that has torch already keeps its own
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# PyTorch's images have a system's Python, into which pip installs only when told so
ENV PIP_BREAK_SYSTEM_PACKAGES=1

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY conf conf
COPY vggsweep vggsweep
RUN python -c 'import torch, torchvision' 2>/dev/null \
    || pip install --no-cache-dir --index-url ${TORCH_INDEX} 'torch>=2.10' 'torchvision>=0.25'
RUN pip install --no-cache-dir '.[postgres]'

# results and data live in volumes, under the names that the documents use
WORKDIR /work
ENV VGGSWEEP_DATA=/data
VOLUME ["/work/outputs", "/data"]
# Ctrl-C and `docker stop` reach the command, which writes a checkpoint
STOPSIGNAL SIGTERM
ENTRYPOINT ["vggsweep"]
CMD ["--help"]
