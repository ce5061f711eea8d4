"""The tools for one grey picture that the steps from a photo to a digit share."""

from fnn.kernels.raster import Floats as Floats
from fnn.kernels.raster import Mask as Mask
from fnn.kernels.raster import blurred as blurred
from fnn.kernels.raster import border as border
from fnn.kernels.raster import box as box
from fnn.kernels.raster import hull as hull
from fnn.kernels.raster import interpolated as interpolated
from fnn.kernels.raster import moving as moving
from fnn.kernels.raster import otsu as otsu
from fnn.kernels.raster import pieces as pieces
from fnn.kernels.raster import resampled as resampled
from fnn.kernels.raster import shrunk as shrunk
from fnn.kernels.raster import without_slope as without_slope
