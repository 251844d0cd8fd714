"""The two networks, as plain ``nn.Module`` classes built from small frozen configs."""

from napari_colorizer.networks.cost import Cost, measure_cost
from napari_colorizer.networks.gridnet import GridNet, GridNetConfig
from napari_colorizer.networks.two_stream_config import TwoStreamUNetConfig
from napari_colorizer.networks.two_stream_unet import TwoStreamUNet

__all__ = ["Cost", "GridNet", "GridNetConfig", "TwoStreamUNet", "TwoStreamUNetConfig", "measure_cost"]
