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
# # 6. Bring your own images, codec, metric and channel
#
# Codecs, channels, metrics and data sets stand in plain dictionaries. What you put there works everywhere:
# in scenarios, beside SQ-GAN and BPG, over every link, in every figure. This notebook adds one of each, each
# in a screenful, and runs them together.

# %%
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from ipywidgets import IntSlider, interact
from matplotlib_inline.backend_inline import set_matplotlib_formats
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

import semcom.data
from channels import CHANNELS, Link, LinkSettings
from channels.curves import sweep as measure_at
from channels.link import PATHS
from channels.models import generator, noise
from channels.modulation import build_modulation
from semcom import sweep
from semcom.codecs import CODECS, Packet, Reconstruction, bits_per_pixel
from semcom.metrics import METRICS
from semcom.notebook import watch
from semcom.plots import OKABE_ITO, STYLE
from semcom.scenario import Scenario, ScenarioError

set_matplotlib_formats("jpeg", pil_kwargs={"quality": 84})
plt.rcParams.update(STYLE | {"figure.dpi": 76, "figure.constrained_layout.use": True})
work = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Your images
#
# Any folder of pictures is a data set. With `labels/<same name>.png` beside `images/` it has label maps,
# whose classes `classes.json` names. Here the "photos" are three of the package's streets, mirrored.

# %%
(work / "photos" / "images").mkdir(parents=True)
(work / "photos" / "labels").mkdir()
for sample in semcom.data.load("street", split="test", count=3):
    image, labels = np.fliplr(sample.image), np.fliplr(sample.label_map)
    Image.fromarray(image).save(work / "photos" / "images" / f"{sample.name}.jpg", quality=92)
    Image.fromarray(labels).save(work / "photos" / "labels" / f"{sample.name}.png")
(work / "photos" / "classes.json").write_text('{"classes": "camvid"}')

photos = semcom.data.load("folder", root=work / "photos")
print(photos)
figure, axes = plt.subplots(1, 3, figsize=(11.5, 2.1))
for axis, sample in zip(axes, photos, strict=True):
    axis.imshow(sample.image)
    axis.axis("off")

# %% [markdown]
# ## Your codec
#
# A codec turns a picture into packets and packets into a picture. Three promises: a packet decodes without
# its neighbours; `None` is a lost packet, and there is always a picture; bytes that are not its own raise
# `ValueError`. This one sends the lowest frequencies (a discrete cosine transform, as in JPEG), each packet
# a band of its own, so that it is *refined* by what arrives.

# %%
from scipy.fft import dctn, idctn


class Cosines:
    """The lowest ``bands`` squares of DCT coefficients, each band in a packet, a byte a coefficient."""

    name = "cosines"
    needs_label_map = False

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)  # a misspelt setting is refused
        bands: int = Field(3, ge=1, le=6, description="packets; the first n hold 4 n by 4 n waves")

    def __init__(self, settings: Settings, size: tuple[int, int] = (256, 512)) -> None:
        self.settings, self.size = settings, size
        rows, columns = np.indices((4 * settings.bands, 4 * settings.bands))
        ring = np.maximum(rows, columns) // 4
        self.waves = [np.nonzero(ring == band) for band in range(settings.bands)]
        # a step that grows with the energy of low waves, so that a byte holds every coefficient
        self.steps = [3.0 * np.prod(size) ** 0.5 / 255 / (1 + 4 * band) for band in range(6)]

    def identity(self) -> dict[str, Any]:
        """Whatever changes the output; results are kept by it."""
        return {"codec": self.name, "revision": 1, **self.settings.model_dump()}

    def encode(self, image: np.ndarray, label_map: np.ndarray | None = None) -> list[Packet]:
        waves = dctn(image.astype(float) - 128, axes=(0, 1), norm="ortho")
        packets = []
        for rank, (where, step) in enumerate(zip(self.waves, self.steps, strict=False)):
            steps = np.clip(np.rint(waves[where] / step / 8), -128, 127).astype(np.int8)
            packets.append(Packet(steps.tobytes(), rank=rank))
        return packets

    def decode(self, payloads: Sequence[bytes | None]) -> Reconstruction:
        waves = np.zeros((*self.size, 3))
        for payload, where, step in zip(payloads, self.waves, self.steps, strict=False):
            if payload is None:
                continue  # a lost band is zero: the picture is blurred, not broken
            if len(payload) != 3 * len(where[0]):
                raise ValueError(f"a band of {3 * len(where[0])} bytes has {len(payload)}")
            waves[where] = np.frombuffer(payload, np.int8).reshape(-1, 3) * step * 8
        pixels = idctn(waves, axes=(0, 1), norm="ortho") + 128
        return Reconstruction(pixels.clip(0, 255).astype(np.uint8))


CODECS["cosines"] = Cosines

# %%
original = photos[0].image
whole = Cosines(Cosines.Settings(bands=6))
packets = whole.encode(original)
print(f"{bits_per_pixel(packets, original):.3f} bits per pixel in {len(packets)} packets")


def arrive(first):
    """The picture of the first packets."""
    got = [packet.payload if number < first else None for number, packet in enumerate(packets)]
    return whole.decode(got).image


def show(first):
    plt.figure(figsize=(6, 3))
    plt.imshow(arrive(first))
    plt.axis("off")
    plt.show()


# %% tags=["slider"]
interact(show, first=IntSlider(min=0, max=6, value=2, description="packets"));

# %% [markdown]
# Without a kernel, four of its positions:

# %%
figure, axes = plt.subplots(1, 4, figsize=(13, 2))
for axis, first in zip(axes, (0, 1, 3, 6), strict=True):
    axis.imshow(arrive(first))
    axis.set_title(f"{first} packets", fontsize=10)
    axis.axis("off")

# %% [markdown]
# ## Your channel
#
# A channel model is the way from coded bits to soft bits. Framing, CRC, LDPC and retransmissions stay
# around it. This one adds *impulses*, as ignitions do: one symbol in twenty meets noise 20 dB stronger, and
# the receiver does not know which. Random numbers come from `generator(seed, purpose, attempt)`, so that a
# payload meets the same channel in whatever order it is sent.

# %%
class Impulses:
    """Bernoulli-Gaussian noise with the mean variance of white noise of the same Es/N0."""

    share, strength, purpose = 0.05, 100.0, 100
    aware = False  # whether the receiver knows which symbols were hit

    def __init__(self, settings: LinkSettings) -> None:
        self.modulation = build_modulation(settings.modulation, settings.device)

    def send(
        self, bits: torch.Tensor, esn0_db: torch.Tensor, seeds: Sequence[int], attempt: int
    ) -> torch.Tensor:
        """``bits`` [P, n] of P payloads to log-likelihood ratios log p(1)/p(0) [P, n]."""
        count = bits.shape[1]
        fill = -count % self.modulation.bits_per_symbol
        symbols = self.modulation.map(torch.nn.functional.pad(bits, (0, fill)))
        length = symbols.shape[1]
        hit = np.stack([generator(s, self.purpose, attempt).random(length) for s in seeds])
        power = np.where(hit < self.share, self.strength, 1) / (1 + self.share * (self.strength - 1))
        variance = (10.0 ** (-esn0_db / 10)).float()[:, None]
        disturbance = torch.as_tensor(noise(seeds, length, attempt) * np.sqrt(power)).to(symbols)
        known = variance * torch.as_tensor(power).to(variance) if self.aware else variance
        received = symbols + disturbance * variance.sqrt()
        return self.modulation.demap(received, known.expand(len(bits), length))[:, :count]


class KnownImpulses(Impulses):
    """The same with a receiver that sees the impulses."""

    aware = True


CHANNELS["impulses"] = "white noise, 20 dB stronger on one symbol in twenty"
CHANNELS["known-impulses"] = "the same, seen by the receiver"
PATHS["impulses"], PATHS["known-impulses"] = Impulses, KnownImpulses

figure, axis = plt.subplots(figsize=(8, 3.2))
for number, name in enumerate(("known-impulses", "awgn", "impulses")):
    link = Link(LinkSettings(channel=name, rate=0.5))
    points = measure_at(link, 300, np.arange(-8, 5.1, 0.5), max_errors=20, max_payloads=64)
    axis.plot([p.esn0_db for p in points], [p.block_error_rate for p in points],
              "Dos"[number] + "-", color=OKABE_ITO[number], label=name)  # fmt: skip
axis.set(xlabel="Es/N0 (dB)", ylabel="block error rate", title="Same power of noise, three cliffs")
axis.legend();

# %% [markdown]
# ## Your metric
#
# A metric counts for each picture and turns added-up counts into values, never averages of averages. This
# one asks for a driver's question: *of the pixels of people and vehicles, how many are recognised?*

# %%
class RoadUserRecall:
    """Share of true car, pedestrian and bicyclist pixels that the scoring segmenter still finds."""

    name = "road_user_recall"
    columns = ("road_user_recall",)
    needs_prediction = True
    users = (8, 9, 10)  # car, pedestrian, bicyclist

    def measure(self, sample, received, predicted=None):
        true = np.isin(sample.label_map, self.users)
        return {"found": int((true & np.isin(predicted, self.users)).sum()), "true": int(true.sum())}

    def summarise(self, rows):
        true = sum(row["true"] for row in rows)
        return {"road_user_recall": sum(row["found"] for row in rows) / true if true else None}


METRICS["road_user_recall"] = RoadUserRecall

# %% [markdown]
# ## All together
#
# From here on nothing is special. The scenario is checked as every other: a wrong setting of *your* codec
# is refused with its place.

# %%
TEXT = f"""
title: Own images, codec, metric and channel
data: {{name: folder, root: {work / "photos"}}}
transmitters:
  - {{codec: cosines, label: Cosines, settings: {{bands: 3}}}}
  - {{codec: bpg, label: "BPG, lowest rate", settings: {{bits_per_pixel: lowest}}}}
  - codec: sqgan
    label: SQ-GAN
    label_map: segmenter
    settings: {{keep_fraction: {{image: 0.3, label_map: 0.4}}}}
link: {{code: ldpc, rate: 0.5, modulation: qpsk, channel: impulses}}
sweep: {{esn0_db: [-1, 0, 1, 2, 2.5, 3, 4, 6], realisations: 3}}
metrics: [road_user_recall, miou, psnr]
seed: 1
"""
try:
    Scenario.from_text(TEXT.replace("bands: 3", "bnads: 3"))
except ScenarioError as error:
    print(error, end="\n\n")

rows = watch(sweep.run(Scenario.from_text(TEXT), work / "run"))

# %%
print(f"{'':18} {'Es/N0':>6} {'BLER':>5} {'recall':>6} {'mIoU':>5} {'PSNR':>5}")
for row in rows:
    if row["esn0_db"] in (-1.0, 6.0):
        print(f"{row['label']:18} {row['esn0_db']:6g} {row['bler']:5.2f} "
              f"{row['road_user_recall']:6.2f} {row['miou']:5.2f} {row['psnr_db']:5.1f}")  # fmt: skip

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3.6))
for number, label in enumerate(("Cosines", "BPG, lowest rate", "SQ-GAN")):
    own = [row for row in rows if row["label"] == label and row["esn0_db"] is not None]
    for axis, column in zip(axes, ("bler", "road_user_recall", "psnr_db"), strict=True):
        axis.plot([r["esn0_db"] for r in own], [r[column] for r in own], "osD"[number] + "-",
                  color=OKABE_ITO[number], label=label)  # fmt: skip
for axis, name in zip(axes, ("block error rate", "road users found", "PSNR (dB)"), strict=True):
    axis.set(xlabel="Es/N0 (dB)", title=name)
axes[1].legend(fontsize=9);

# %% [markdown]
# A point is nine transmissions (three pictures, three noises), so the bends on the cliffs are chance.
#
# <details><summary><b>Question 1.</b> The noise has the same mean power in all three curves above. Why does
# the cliff lie so far left when the receiver sees the impulses, and right of white noise when not?</summary>
#
# Nearly all the noise power sits in 5 % of the symbols; the others are almost 8 dB cleaner than Es/N0 says,
# and a code of rate 1/2 mends 5 % of missing symbols with ease: for a given power white noise is the *worst*
# additive noise. But only for a receiver that knows. One that believes in white noise takes a symbol thrown
# far by an impulse for a very *sure* one, and a few confident lies mislead the decoder more than many doubts.
# A demapper is only as good as its model of the noise.
# </details>
#
# <details><summary><b>Question 2.</b> All three bands of <i>Cosines</i> have the same protection. What should
# be changed?</summary>
#
# The first band is worth most and is the smallest; a picture without it is grey with details. It deserves the
# lowest code rate: unequal error protection again. `Packet(rank=...)` tells which packet matters most.
# </details>
#
# <details><summary><b>Question 3.</b> <code>identity()</code> of the codec has a revision number. What happens
# if you change the code and forget to raise it?</summary>
#
# Results are kept by the digest of exactly what changes them, and the code is not part of that digest. Run
# into the same folder, and the old pictures are taken for the new codec's. With a raised revision old and new
# stand side by side.
# </details>
#
# ## Making it last
#
# In a notebook a dictionary entry lives as long as the kernel. To make it part of every run, put the class
# into a module of a package with an entry point `semcom.plugins` that names it; every process of a run
# then imports it. `docs/extend` shows this for each of the four, on a page each.
