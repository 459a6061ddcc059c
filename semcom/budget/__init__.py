"""Bandwidth budgets: what to send, and how to protect it, with N channel uses per picture.

================== =================================================================================
module             what it knows
================== =================================================================================
settings           what a scenario may ask for
quality            how good a picture is by the bytes that arrived, from measured counts
measure            the table of that, from a run without a link
frame              how a frame of N channel uses is divided into transport blocks
gaps               what real codes lose against the normal approximation, measured
block_errors       how often a transport block is lost, at one SNR or over a fading channel
allocator          the frame with the best expected score, and why
fitting            a codec that fills the transport blocks of a frame
link               frames over the link, by real codes or ideal ones
transmitters       the transmitters of a scenario with a budget
================== =================================================================================
"""
