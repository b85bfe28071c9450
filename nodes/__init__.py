"""The ComfyUI nodes. Each unpacks its sockets, calls one function and wraps the result."""

from .blend import SinDDMBlend
from .edit import SinDDMEdit
from .guide import SinDDMGuide
from .instant_model import SinDDMInstantModel
from .model_files import SinDDMLoadModel, SinDDMSaveModel
from .modes import SinDDMHarmonize, SinDDMStyle
from .prompts import SinDDMPrompts
from .raster_files import SinDDMLoadRaster, SinDDMSaveRaster
from .sample import SinDDMSample
from .scene import SinDDMScene
from .score import SinDDMScore
from .train import SinDDMTrain

NODE_CLASS_MAPPINGS: dict[str, type] = {
    "SinDDMScene": SinDDMScene,
    "SinDDMInstantModel": SinDDMInstantModel,
    "SinDDMTrain": SinDDMTrain,
    "SinDDMSaveModel": SinDDMSaveModel,
    "SinDDMLoadModel": SinDDMLoadModel,
    "SinDDMSample": SinDDMSample,
    "SinDDMGuide": SinDDMGuide,
    "SinDDMPrompts": SinDDMPrompts,
    "SinDDMEdit": SinDDMEdit,
    "SinDDMBlend": SinDDMBlend,
    "SinDDMScore": SinDDMScore,
    "SinDDMStyle": SinDDMStyle,
    "SinDDMHarmonize": SinDDMHarmonize,
    "SinDDMLoadRaster": SinDDMLoadRaster,
    "SinDDMSaveRaster": SinDDMSaveRaster,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "SinDDMScene": "SinDDM Example Scene",
    "SinDDMInstantModel": "SinDDM Instant Model",
    "SinDDMTrain": "SinDDM Train",
    "SinDDMSaveModel": "SinDDM Save Model",
    "SinDDMLoadModel": "SinDDM Load Model",
    "SinDDMSample": "SinDDM Sample",
    "SinDDMGuide": "SinDDM Guide",
    "SinDDMPrompts": "SinDDM Prompts",
    "SinDDMEdit": "SinDDM Edit by Text",
    "SinDDMBlend": "SinDDM Blend",
    "SinDDMScore": "SinDDM Score",
    "SinDDMStyle": "SinDDM Style by Text",
    "SinDDMHarmonize": "SinDDM Harmonize",
    "SinDDMLoadRaster": "SinDDM Load Raster",
    "SinDDMSaveRaster": "SinDDM Save Raster",
}
