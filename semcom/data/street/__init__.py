"""Procedural street scenes, ray-traced with exact label maps, in CamVid's classes."""
