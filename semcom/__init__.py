"""Semantic image communication over real digital links.

An image is segmented, masked, vector-quantised and entropy-coded into packets; the packets cross a
conventional coded link (:mod:`channels`); the receiver regenerates the image and its label map.
"""

__version__ = "0.1.0"
