"""What a network costs: parameters, operations, reach of an edit."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_colorizer.networks.gridnet import GridNet
from napari_colorizer.networks.image_encoder import ImageEncoder
from napari_colorizer.networks.two_stream_unet import TwoStreamUNet


@dataclass(frozen=True)
class Cost:
    """Parameters, 10^9 operations of one pass, and the reach of a label edit in pixels (None: everywhere)."""

    parameters: int
    gflop: float
    reach: int | None


def measure_cost(network: GridNet | TwoStreamUNet, size: int = 352) -> Cost:
    """Count a network's parameters and the operations of a pass at `size` x `size`.

    An operation is half a multiply-add, as ``torch.utils.flop_counter`` counts; both streams of a colorizer are
    included. A network whose stride does not divide `size` gets the next larger size that it does divide.
    """
    from torch.utils.flop_counter import FlopCounterMode  # loads triton, which ends a process that draws with Mesa

    size = -(-size // network.config.stride) * network.config.stride
    parameters = list(network.parameters())
    mode = network.training
    network.eval()
    for module in network.modules():
        if isinstance(module, ImageEncoder):
            module.forget()  # what another network has asked for counts here, too
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, size, size, device=parameters[0].device))
    network.train(mode)
    reach = network.config.reach if isinstance(network, TwoStreamUNet) else None
    return Cost(sum(p.numel() for p in parameters), counter.get_total_flops() / 1e9, reach)
