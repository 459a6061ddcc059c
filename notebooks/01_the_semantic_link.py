# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. The semantic link in ten minutes
#
# A camera on a street, a radio link that loses data, a receiver that wants to know *what is there*.
# This notebook sends one picture through every stage of that way, twice: with **SQ-GAN**, which
# sends what things are, and with **BPG**, which sends what pixels are.
#
# ```
# picture -> segment -> mask -> quantise -> entropy coding -> packets
#                                                               |   CRC, LDPC, QPSK, noise
# picture, label map <- generator <- de-masking <- entropy decoding <- packets or losses
# ```
#
# You need nothing but this package: pictures and network weights come with it.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import SelectionSlider, interact
from matplotlib.patches import Patch
from matplotlib_inline.backend_inline import set_matplotlib_formats

import semcom.data
from channels import Link, LinkSettings
from semcom.codecs import CODECS, bits_per_pixel
from semcom.data import CAMVID_CLASSES, CAMVID_PALETTE, colourise
from semcom.metrics import METRICS
from semcom.plots import OKABE_ITO, STYLE
from semcom.segmentation import load_segmenter

set_matplotlib_formats("jpeg", pil_kwargs={"quality": 88})
plt.rcParams.update(STYLE | {"figure.dpi": 84, "axes.grid": False, "figure.constrained_layout.use": True})

# %% [markdown]
# ## A picture and its meaning
#
# The streets are rendered, so their label maps are exact: every pixel has one of eleven classes.

# %%
samples = semcom.data.load("street", split="test", count=8)
sample = samples[2]


def picture(axis, pixels, title=""):
    axis.imshow(pixels)
    axis.set_title(title, fontsize=10)
    axis.axis("off")


def class_legend(figure):
    handles = [
        Patch(color=CAMVID_PALETTE[number] / 255, label=name.replace("_", " "))
        for number, name in enumerate(CAMVID_CLASSES)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=9)


figure, axes = plt.subplots(1, 2, figsize=(11, 3.5))
picture(axes[0], sample.image, "what the camera sees")
picture(axes[1], colourise(sample.label_map), "what is there")
class_legend(figure)

# %% [markdown]
# ## The transmitter
#
# A small network segments the picture. SQ-GAN then turns picture and map into *tokens*, one for each
# square of 16 x 16 pixels, and keeps only the most relevant: here 30 % of the picture's and 40 % of
# the map's. What is left is entropy-coded into two packets.

# %%
segment = load_segmenter("transmitter")
label_map = segment(sample.image[None])[0]

sqgan = CODECS["sqgan"](
    CODECS["sqgan"].Settings(keep_fraction={"image": 0.3, "label_map": 0.4})
)
bpg = CODECS["bpg"](CODECS["bpg"].Settings(bits_per_pixel="lowest"))
packets = {"SQ-GAN": sqgan.encode(sample.image, label_map), "BPG": bpg.encode(sample.image)}

for name, of_one in packets.items():
    print(f"{name}: {bits_per_pixel(of_one, sample.image):.4f} bits per pixel")
    for packet in of_one:
        parts = ", ".join(f"{part} {bits}" for part, bits in packet.bits.items())
        print(f"    {packet.kind:10} {len(packet.payload):4} bytes = bits of {parts}")

# %% [markdown]
# Both are tiny: the uncompressed picture has 24 bits per pixel, so this is a compression of about a
# thousand. BPG stands at its *lowest* setting: smaller files of this size it cannot make.
#
# ## The link
#
# A conventional digital one, as in 5G: each payload gets a checksum (CRC-24), an LDPC code that
# doubles its length, QPSK symbols, white noise; the receiver decodes and checks. A payload arrives
# **exactly as sent or not at all** (`None`).

# %%
link = Link(LinkSettings(code="ldpc", rate=0.5, modulation="qpsk", channel="awgn"))


def send(of_one, esn0_db, seed=1):
    """The payloads of one picture over the link at Es/N0 in dB, lost ones as None."""
    payloads = [packet.payload for packet in of_one]
    return link.transmit(payloads, esn0_db, [seed + number for number in range(len(payloads))])


for esn0_db in (3.0, -1.0):
    for name, of_one in packets.items():
        sent = send(of_one, esn0_db)
        report = sum(sent.reports)
        print(
            f"{esn0_db:4g} dB  {name:7} {report.payloads - report.payloads_lost} of "
            f"{report.payloads} payloads arrived, {report.channel_uses} symbols, "
            f"{report.bit_errors} bits wrong after decoding"
        )

# %% [markdown]
# ## The receiver
#
# What arrives is decoded. A lost token is a masked token to SQ-GAN: its de-masking network fills it
# in. BPG has nothing to fill in: the receiver shows a mean grey.
#
# Now the question that gives this project its name: *what of the meaning survived?* A second
# segmentation network, which no codec was trained with, looks at the received picture. The overlap of
# its map with the truth, averaged over classes, is the **mIoU** (mean intersection over union). The
# **PSNR** compares pixels.

# %%
score_segment = load_segmenter("scorer")


def seen(received):
    """What the scoring segmenter sees in a received picture."""
    return score_segment(received.image[None])[0]


def scores(sample, received, predicted):
    """mIoU and PSNR of one received picture."""
    miou, psnr = METRICS["miou"](), METRICS["psnr"]()
    return (
        miou.summarise([miou.measure(sample, received, predicted)])["miou"],
        psnr.summarise([psnr.measure(sample, received)])["psnr_db"],
    )


codecs = {"SQ-GAN": sqgan, "BPG": bpg}
figure, axes = plt.subplots(2, 3, figsize=(11, 4.3))
for row, column in zip(axes.T[1:], codecs, strict=True):
    received = codecs[column].decode(send(packets[column], 3.0).payloads)
    predicted = seen(received)
    miou, psnr = scores(sample, received, predicted)
    picture(row[0], received.image, f"{column} at 3 dB: PSNR {psnr:.1f} dB")
    picture(row[1], colourise(predicted), f"a segmenter finds in it: mIoU {miou:.2f}")
original = CODECS["original"](CODECS["original"].Settings()).decode
ideal = score_segment(sample.image[None])[0]
picture(axes[0, 0], sample.image, "sent")
picture(axes[1, 0], colourise(ideal), "a segmenter finds in it")

# %% [markdown]
# Look twice. **BPG is nearer in pixels** (PSNR is higher) **and further in meaning** (mIoU is lower):
# at this rate it keeps shapes and blurs away the texture by which a network, or you, tells a tree from
# a wall. SQ-GAN knows where the tree is and paints *a* tree there, not this one. Its mistakes are of
# another kind, too: with 40 % of the map's tokens, one pedestrian before a hedge became a dark crowd.
#
# <details><summary><b>Question 1.</b> Is mIoU of the received picture the right score for a painter?
# And is PSNR?</summary>
#
# Neither is enough. PSNR punishes a leaf that moved by a pixel as hard as a missing car. mIoU is blind
# to everything inside a class: a red car painted blue is still a car. And the scorer is a network with
# tastes of its own; that is why it must not be one that the codec was trained with, and why results
# here also carry a Fréchet distance (do the pictures look like street pictures at all?) and MS-SSIM.
# Choose the score by the task at the receiver, and report the others.
# </details>

# %% [markdown]
# ## Turn the knob: what arrives at which SNR

# %%
GRID = [-1.0, 0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 3.0]
shown = {}
for esn0_db in GRID:
    for name, codec in codecs.items():
        arrived = send(packets[name], esn0_db, seed=11).payloads
        shown[name, esn0_db] = codec.decode(arrived), arrived


def compare(esn0_db):
    figure, axes = plt.subplots(1, 2, figsize=(11, 2.9))
    for axis, name in zip(axes, codecs, strict=True):
        received, arrived = shown[name, esn0_db]
        lost = sum(payload is None for payload in arrived)
        picture(axis, received.image, f"{name} at {esn0_db:g} dB: {lost} of {len(arrived)} lost")
    plt.show()


# %% tags=["slider"]
interact(compare, esn0_db=SelectionSlider(options=GRID, value=1.0, description="Es/N0 dB"));

# %% [markdown]
# The slider needs a running kernel. Without one, here are three of its positions:

# %%
STOPS = (0.0, 1.0, 3.0)
figure, axes = plt.subplots(2, 3, figsize=(11, 4.1))
for row, name in zip(axes, codecs, strict=True):
    for axis, esn0_db in zip(row, STOPS, strict=True):
        received, arrived = shown[name, esn0_db]
        lost = sum(payload is None for payload in arrived)
        picture(axis, received.image, f"{name}, {esn0_db:g} dB: {lost} of {len(arrived)} lost")

# %% [markdown]
# <details><summary><b>Question 2.</b> Between 3 dB and 20 dB nothing changes any more. Where does
# the extra power go?</summary>
#
# Nowhere. Above the cliff every bit is right already, and the picture can not get better than its
# code. To use the power, send more bits per symbol (16-QAM), add less redundancy (a higher code rate),
# or give the source more bits. That is link adaptation, notebook 3.
# </details>
#
# <details><summary><b>Question 3.</b> With everything lost, SQ-GAN still paints a picture. Is that
# good?</summary>
#
# It paints what its networks have in mind when they are told nothing, and mIoU does not fall to zero,
# because most streets have a road at the bottom and walls along it. The better the painter, the more
# dangerous that is: a picture that *looks* informed and is invented. A receiver must carry "lost"
# along with the picture, as `payloads` does here.
# </details>

# %% [markdown]
# ## The same as an experiment
#
# Research wants more than one picture and one noise. An experiment is one YAML text; everything in it
# is checked before anything runs, and a misspelt key is refused. This one takes half a minute; the
# results (`counts.jsonl`, `summary.csv`, figures) lie in a folder, and running it again goes on where
# it stopped.

# %%
from semcom import sweep
from semcom.notebook import watch
from semcom.plots import draw_quality
from semcom.scenario import Scenario

TEXT = """
title: Streets over LDPC, QPSK and white noise
data: {name: street, split: test, count: 4}
transmitters:
  - codec: sqgan
    label: SQ-GAN
    label_map: segmenter
    settings: {keep_fraction: {image: 0.3, label_map: 0.4}}
  - codec: bpg
    label: BPG, lowest rate
    settings: {bits_per_pixel: lowest}
link: {code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}
sweep: {esn0_db: [-2, 0, 0.75, 1, 1.25, 1.5, 3], realisations: 4}
metrics: [miou, psnr]
seed: 1
"""
out = Path(tempfile.mkdtemp()) / "first"
rows = watch(sweep.run(Scenario.from_text(TEXT), out))

# %%
draw_quality(rows, "Streets over LDPC, QPSK and white noise", columns=["miou"])

# %% [markdown]
# <details><summary><b>Question 4.</b> On the cliff, mIoU lies between its two ends. Did any single
# picture get a little worse?</summary>
#
# No. Every payload arrived whole or was lost; at 1 dB some pictures are perfect and some gone, and the
# curve is their mixture: `(1 - BLER) * mIoU(arrived) + BLER * mIoU(lost)`, as long as one payload
# holds the whole picture. "Gradual" on this axis is a statement about an average, not about a picture.
# Notebook 3 takes that apart.
# </details>
#
# **Next**: what SQ-GAN's tokens are ([notebook 2](02_inside_sqgan.ipynb)) and why the cliff is so
# steep ([notebook 3](03_the_digital_cliff.ipynb)).
