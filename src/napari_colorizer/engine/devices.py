"""Where the networks run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.errors import DeviceError

Result = TypeVar("Result")


def available_devices() -> dict[str, str]:
    """Devices of this machine and the names to show for them; "auto" comes first."""
    devices = {"auto": "auto", "cpu": "CPU"}
    for index in range(torch.cuda.device_count()):
        devices[f"cuda:{index}"] = torch.cuda.get_device_name(index)
    if torch.backends.mps.is_available():
        devices["mps"] = "Apple GPU (MPS)"
    return devices


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is the first GPU, or the CPU where there is none.

    Raises
    ------
    DeviceError
        If there is no such device; the message lists those that there are.
    """
    devices = available_devices()
    if name == "auto":
        name = next((device for device in devices if device.startswith(("cuda", "mps"))), "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in devices:
        raise DeviceError(f"there is no device {name!r} on this machine; choose one of {', '.join(devices)}")
    return torch.device(wanted)


def fetch(values: Tensor) -> Callable[[], NDArray[Any]]:
    """Begin to fetch a tensor from any device; what is returned waits for it, and gives it as an array."""
    if values.device.type != "cuda":
        return values.cpu().numpy
    staged = values.to("cpu", non_blocking=True)  # page-locked memory, which PyTorch keeps: many times as fast
    fetched = torch.cuda.current_stream(values.device).record_event()

    def wait() -> NDArray[Any]:
        fetched.synchronize()
        return staged.numpy()

    return wait


def with_cpu_fallback(work: Callable[[torch.device], Result], device: torch.device) -> Result:
    """Do `work` on a device, and on the CPU, with a warning, when the device has too little memory."""
    try:
        return work(device)
    except torch.OutOfMemoryError:
        if device.type == "cpu":
            raise
    if device.type == "cuda":
        torch.cuda.empty_cache()
    warnings.warn(
        f"the GPU ({device}) has too little free memory for this image: continuing on the CPU. To use the GPU, "
        "choose a smaller working size, or close other programs that use it",
        stacklevel=2,
    )
    return work(torch.device("cpu"))
