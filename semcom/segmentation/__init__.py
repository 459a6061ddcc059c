"""Segmentation networks: pictures to label maps."""

from semcom.segmentation.segmenter import SEGMENTERS, Segmenter, load_segmenter

__all__ = ["SEGMENTERS", "Segmenter", "load_segmenter"]
