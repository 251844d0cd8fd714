"""The two networks, as plain ``nn.Module`` classes built from small frozen configs."""

from napari_colorizer.networks.cost import Cost, measure_cost
from napari_colorizer.networks.gridnet import GridNet, GridNetConfig
from napari_colorizer.networks.two_stream_unet import TwoStreamUNet, TwoStreamUNetConfig

__all__ = ["Cost", "GridNet", "GridNetConfig", "TwoStreamUNet", "TwoStreamUNetConfig", "measure_cost"]
