"""A picture generated from its label map and a few features, and a residual that refines it."""
