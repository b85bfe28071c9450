"""Rasters on the earth. What reads or writes one raises MissingPackageError without the extra [raster]."""
