"""3x3 convolutions in half the multiplications, for CPUs that only have AVX2 units."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TILE = 4  # output rows that come out of one group of TILE + 2 input rows
# Below these the additions cost as much as the multiplications that they save.
LEAST_CHANNEL_PRODUCT = 2048
LEAST_ROWS = 14
# Input elements a slice of the batch may hold: its streams then stay in the cache.
SLICE_ELEMENTS = 2**21
# From three kernel rows to six streams (Lavin & Gray 2016, arXiv:1509.09308, F(4, 3)).
KERNEL_TO_STREAMS = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution with a border of one, which trains faster on a CPU with AVX2 and no more.

    Same parameters, same state dict and, up to rounding, same numbers as `torch.nn.Conv2d`, which does
    the work wherever `is_faster` says no: in evaluation, on a GPU, in bf16, in NCHW, for small shapes.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, padding=1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Scores of every 3x3 neighbourhood: (N, in, H, W) to (N, out, H, W)."""
        if self.bias is not None and self.training and is_faster(x_NCHW, self.weight):
            y_NCHW: Tensor = RowWinograd.apply(x_NCHW, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return y_NCHW
        return super().forward(x_NCHW)


def is_faster(x_NCHW: Tensor, weight: Tensor) -> bool:
    """Whether `RowWinograd` beats oneDNN's own convolution for this input.

    Measured with AVX2 only: wider units multiply faster, and the additions do not keep up.
    """
    return (
        x_NCHW.device.type == "cpu"
        and weight.shape[0] * weight.shape[1] >= LEAST_CHANNEL_PRODUCT
        and x_NCHW.shape[2] >= LEAST_ROWS
        and x_NCHW.dtype == weight.dtype == torch.float32
        and x_NCHW.is_contiguous(memory_format=torch.channels_last)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and torch.is_grad_enabled()
        and torch.backends.cpu.get_cpu_capability() == "AVX2"
    )


class RowWinograd(torch.autograd.Function):
    """Winograd's minimal filtering F(4, 3) along the rows, plain convolutions along the columns.

    Six input rows become six sums of rows, each is convolved with a 1x3 kernel, and sums of the six
    results are four output rows: 18 multiplications where a 3x3 convolution needs 36. Rows are whole
    contiguous stretches of memory in channels_last, so the sums run at the speed of the cache.

    Rounding errors are about three times those of a plain convolution. The backward pass is the exact
    transpose of the forward pass.
    """

    @staticmethod
    def forward(ctx: Any, x_NCHW: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(N, in, H, W), (out, in, 3, 3) and (out,) to (N, out, H, W)."""
        ctx.save_for_backward(x_NCHW, weight)
        kernels = kernel_streams(weight)
        images, _, height, width = x_NCHW.shape
        # No view, so that an in-place ReLU may follow.
        y_NCHW = torch.empty((images, len(weight), height, width), memory_format=torch.channels_last)
        x_NHWC, y_NHWC = x_NCHW.permute(0, 2, 3, 1), y_NCHW.permute(0, 2, 3, 1)
        for x, y in zip(slices(x_NHWC), slices(y_NHWC, like=x_NHWC), strict=True):
            streams = rows_to_streams(x)
            products = [
                F.conv2d(stream.permute(0, 3, 1, 2), kernel, bias if j == 1 else None, padding=(0, 1))
                for j, (stream, kernel) in enumerate(zip(streams, kernels, strict=True))
            ]
            products_to_rows([product.permute(0, 2, 3, 1) for product in products], y)
        return y_NCHW

    @staticmethod
    def backward(ctx: Any, grad_NCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of input, weight and bias."""
        x_NCHW, weight = ctx.saved_tensors
        kernels = kernel_streams(weight)
        grad_kernels = [torch.zeros_like(kernel) for kernel in kernels]
        x_NHWC = x_NCHW.permute(0, 2, 3, 1)
        grad_NHWC = grad_NCHW.permute(0, 2, 3, 1).contiguous()
        grad_x_NHWC = torch.empty_like(x_NHWC)
        for x, grad, grad_x in zip(
            slices(x_NHWC), slices(grad_NHWC, like=x_NHWC), slices(grad_x_NHWC), strict=True
        ):
            grad_streams = []
            for stream, grad_product, kernel, grad_kernel in zip(
                rows_to_streams(x), grad_rows_to_products(grad), kernels, grad_kernels, strict=True
            ):
                grad_stream, slice_grad_kernel, _ = torch.ops.aten.convolution_backward(
                    grad_product.permute(0, 3, 1, 2), stream.permute(0, 3, 1, 2), kernel, None,
                    [1, 1], [0, 1], [1, 1], False, [0, 0], 1, [True, True, False],
                )  # fmt: skip
                grad_streams.append(grad_stream.permute(0, 2, 3, 1))
                grad_kernel += slice_grad_kernel
            grad_streams_to_rows(grad_streams, grad_x)
        grad_weight = torch.einsum("jk,joil->oikl", _matrix(weight), torch.stack(grad_kernels).squeeze(3))
        return grad_x_NHWC.permute(0, 3, 1, 2), grad_weight, grad_NHWC.sum((0, 1, 2))


def slices(tensor_NHWC: Tensor, like: Tensor | None = None) -> tuple[Tensor, ...]:
    """The batch in slices of as many images as `SLICE_ELEMENTS` allows for ``like``."""
    elements = (tensor_NHWC if like is None else like)[0].numel()
    return tensor_NHWC.split(max(1, SLICE_ELEMENTS // elements))


def kernel_streams(weight: Tensor) -> list[Tensor]:
    """(out, in, 3, 3) to six kernels (out, in, 1, 3), channels_last."""
    streams = torch.einsum("jk,oikl->joil", _matrix(weight), weight).unsqueeze(3)
    return [stream.contiguous(memory_format=torch.channels_last) for stream in streams]


def rows_to_streams(x_NHWC: Tensor) -> list[Tensor]:
    """Rows with a zero border to six sums of rows, each (N, H / 4, W, C)."""
    height = x_NHWC.shape[1]
    tiles = -(-height // TILE)
    padded = F.pad(x_NHWC, (0, 0, 0, 0, 1, tiles * TILE - height + 1))
    r0, r1, r2, r3, r4, r5 = (padded[:, j : j + TILE * tiles - 3 : TILE] for j in range(TILE + 2))
    even, odd = torch.sub(r4, r2, alpha=4), torch.sub(r3, r1, alpha=4)
    near, far = r4 - r2, r3 - r1
    return [
        torch.sub(r4, r2, alpha=5).add_(r0, alpha=4),
        even + odd,
        even.sub_(odd),
        torch.add(near, far, alpha=2),
        near.sub_(far, alpha=2),
        torch.sub(r5, r3, alpha=5).add_(r1, alpha=4),
    ]


def grad_streams_to_rows(grads: list[Tensor], out_NHWC: Tensor) -> None:
    """The transpose of `rows_to_streams`: six gradients, added up into the rows that they came from."""
    g0, g1, g2, g3, g4, g5 = grads
    n, tiles, width, channels = g0.shape
    padded = g0.new_empty(n, tiles + 1, TILE, width, channels)
    padded[:, tiles].zero_()
    r0, r1, r2, r3 = padded[:, :tiles].unbind(2)
    even, odd = g1 + g2, g1.sub_(g2)
    near, far = g3 + g4, g3.sub_(g4)
    torch.mul(g0, 4, out=r0)
    torch.sub(g5, odd, out=r1).mul_(2).sub_(far).mul_(2)
    torch.add(g0, near, alpha=0.2, out=r2).mul_(-5).sub_(even, alpha=4)
    torch.add(odd, far, alpha=2, out=r3).sub_(g5, alpha=5)
    padded[:, 1:, 0].add_(g0.add_(even).add_(near))
    padded[:, 1:, 1].add_(g5)
    out_NHWC.copy_(padded.flatten(1, 2)[:, 1 : out_NHWC.shape[1] + 1])


def products_to_rows(products: list[Tensor], out_NHWC: Tensor) -> None:
    """Six products (N, H / 4, W, C) to the output rows."""
    p0, p1, p2, p3, p4, p5 = products
    n, tiles, width, channels = p0.shape
    is_whole = out_NHWC.shape[1] == tiles * TILE
    rows = out_NHWC if is_whole else out_NHWC.new_empty(n, tiles * TILE, width, channels)
    y0, y1, y2, y3 = rows.unflatten(1, (tiles, TILE)).unbind(2)
    even, odd = p1 + p2, p1.sub_(p2)
    near, far = p3 + p4, p3.sub_(p4)
    torch.add(p0, even, out=y0).add_(near)
    torch.add(odd, far, alpha=2, out=y1)
    torch.add(even, near, alpha=4, out=y2)
    torch.add(odd, far, alpha=8, out=y3).add_(p5)
    if not is_whole:
        out_NHWC.copy_(rows[:, : out_NHWC.shape[1]])


def grad_rows_to_products(grad_NHWC: Tensor) -> list[Tensor]:
    """The transpose of `products_to_rows`."""
    height = grad_NHWC.shape[1]
    tiles = -(-height // TILE)
    if height != tiles * TILE:
        grad_NHWC = F.pad(grad_NHWC, (0, 0, 0, 0, 0, tiles * TILE - height))
    g0, g1, g2, g3 = grad_NHWC.unflatten(1, (tiles, TILE)).unbind(2)
    even, odd = g0 + g2, g1 + g3
    near, far = torch.add(g0, g2, alpha=4), torch.add(g1, g3, alpha=4).mul_(2)
    return [g0.contiguous(), even + odd, even.sub_(odd), near + far, near.sub_(far), g3.contiguous()]


def _matrix(weight: Tensor) -> Tensor:
    return torch.tensor(KERNEL_TO_STREAMS, dtype=weight.dtype)
