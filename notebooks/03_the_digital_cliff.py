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
# # 3. The digital cliff: LDPC, SNR and why BPG dies
#
# A little less power, and the picture does not get a little worse: it is gone. This notebook takes that
# cliff apart. Why does a compressed file die of one wrong bit? Why does a good channel code turn from
# useless to perfect within one decibel? And which of the two makes the cliff?

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, interact
from matplotlib_inline.backend_inline import set_matplotlib_formats

import semcom.data
from channels import Link, LinkSettings
from channels.curves import find_cliff, references, sweep
from channels.limits import bit_error_rate, shannon_esn0
from channels.models import complex_normal, generator
from channels.plots import plot_block_error_rates
from semcom.codecs import CODECS
from semcom.plots import OKABE_ITO, STYLE

set_matplotlib_formats("jpeg", pil_kwargs={"quality": 84})
plt.rcParams.update(STYLE | {"figure.dpi": 76, "figure.constrained_layout.use": True})

sample = semcom.data.load("street", split="test", count=12)[9]
bpg = CODECS["bpg"](CODECS["bpg"].Settings(bits_per_pixel=0.1))
payload = bpg.encode(sample.image)[0].payload
print(f"BPG file of {len(payload)} bytes, {8 * len(payload)} bits")

# %% [markdown]
# ## One wrong bit
#
# Flip a single bit of the file, at eight places, and decode.

# %%
places = np.linspace(0.06, 0.94, 8)
figure, axes = plt.subplots(2, 4, figsize=(12, 3.6))
for axis, place in zip(axes.flat, places, strict=True):
    damaged = bytearray(payload)
    damaged[int(place * len(payload))] ^= 0x10
    try:
        axis.imshow(bpg.decode([bytes(damaged)]).image)
        axis.set_title(f"flip at {place:.0%}", fontsize=10)
    except ValueError:
        axis.imshow(np.full_like(sample.image, 235))
        axis.text(256, 128, "decoder gives up", ha="center", va="center", fontsize=10)
        axis.set_title(f"flip at {place:.0%}", fontsize=10)
    axis.axis("off")

# %% [markdown]
# Everything *behind* the flip is wrong. BPG (HEVC intra) writes its symbols with an arithmetic coder: the
# decoder's state after a wrong bit is wrong for good. Efficient compression and fragility are one thing:
# where every bit matters, no bit may be wrong.
#
# ## How often does a bit go wrong?
#
# QPSK sends two bits as one of four points. Noise moves the point; in the wrong quadrant it is a wrong
# bit. `Es/N0` is the energy of a symbol over the density of the noise.

# %%
symbols = np.exp(1j * np.pi * (0.25 + 0.5 * np.random.default_rng(0).integers(0, 4, 1500)))
unit = complex_normal(generator(5, 0), len(symbols))


def constellation(esn0_db, axis=None):
    if axis is None:
        _, axis = plt.subplots(figsize=(3.6, 3.6))
    received = symbols + unit * 10 ** (-esn0_db / 20)
    wrong = (np.sign(received.real) != np.sign(symbols.real)) | (
        np.sign(received.imag) != np.sign(symbols.imag)
    )
    axis.plot(received[~wrong].real, received[~wrong].imag, ".", color=OKABE_ITO[0], ms=2, alpha=0.5)
    axis.plot(received[wrong].real, received[wrong].imag, ".", color=OKABE_ITO[1], ms=3)
    axis.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), aspect="equal", xticks=[0], yticks=[0])
    survive = (1 - bit_error_rate("qpsk", esn0_db)) ** (8 * len(payload))
    axis.set_title(f"{esn0_db:g} dB: {wrong.mean():.1%} of symbols wrong\n"
                   f"P(file intact) = {survive:.1g}", fontsize=10)  # fmt: skip


# %% tags=["slider"]
interact(constellation, esn0_db=FloatSlider(min=-3, max=15, step=0.5, value=1), axis=[None]);

# %% [markdown]
# Without a kernel, four of its positions:

# %%
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4))
for axis, esn0_db in zip(axes, (-2, 1, 6, 13), strict=True):
    constellation(esn0_db, axis)

# %% [markdown]
# Without a channel code the whole file gets through when `(1 - p) ** n` is near 1: with n bits one needs
# p well below 1/n. At 6 dB the eye sees four clouds already, and no file ever survives.
#
# <details><summary><b>Question 1.</b> From which Es/N0 on does an uncoded file of 13 000 bits arrive
# nine times out of ten?</summary>
#
# `(1 - p)^13000 = 0.9` needs p of about 8e-6. For QPSK p = Q(sqrt(Es/N0)), so sqrt(Es/N0) = 4.3, or
# 12.7 dB. With a code of rate 1/2 the same file needs about 1.5 dB. That is a factor of 13 in power for
# a factor of two in symbols.
# </details>
#
# ## A code makes the cliff steep
#
# The LDPC code of 5G adds one parity bit for each bit (rate 1/2). The receiver passes beliefs between bits
# and parity checks, again and again. Watch the block error rate fall as it is given more iterations.

# %%
grid = [-0.5, 0, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4]
curves = {}
for iterations in (2, 5, 10, 20):
    link = Link(LinkSettings(code="ldpc", rate=0.5, decoder_iterations=iterations))
    curves[f"{iterations} iterations"] = sweep(link, 300, grid, max_errors=40, max_payloads=200)
figure = plot_block_error_rates(
    curves, limits=references(link, 300), title="300 bytes, LDPC of rate 1/2, QPSK, white noise"
)
figure.set_size_inches(9.5, 4.6)
figure

# %% [markdown]
# Three lines to compare with: below the **Shannon limit** no code of this rate works, however long and
# clever; the **limit of QPSK** is where that point lies for four points instead of a Gaussian signal; the
# **normal approximation** is what the best code *of this length* could do. With 20 iterations the LDPC code
# stays about a decibel from it, with 50 it comes nearer. There is not much left to invent here: *the
# cliff is steep because the code is good.*

# %%
for num_bytes in (20, 300, 1200):
    cliff = find_cliff(Link(LinkSettings(rate=0.5)), num_bytes, low=0.02, max_errors=25)
    print(f"{num_bytes:5} bytes: BLER 0.9 to 0.02 within {cliff.width_db:.2f} dB, "
          f"half lost at {cliff.esn0_db(0.5):.2f} dB")  # fmt: skip

# %% [markdown]
# <details><summary><b>Question 2.</b> Longer code words have steeper cliffs. Why?</summary>
#
# Noise averages out. A code word of n symbols fails when the *mean* noise over it is unusually bad, and
# the spread of a mean shrinks with sqrt(n) (that is the dispersion in the normal approximation). In the
# limit n to infinity the cliff is a step at the capacity: Shannon's theorem *is* the digital cliff.
# </details>
#
# ## The picture on the cliff
#
# The payload holds the whole picture, so the picture has two states. Any mean quality between them is a
# mixture: `Q(SNR) = (1 - BLER) Q(arrived) + BLER Q(lost)`. Here is the peak signal-to-noise ratio of single
# transmissions, and their mean beside that formula.

# %%
def psnr(image):
    error = np.mean((sample.image.astype(float) - image) ** 2)
    return 10 * math.log10(255**2 / error)


link = Link(LinkSettings(rate=0.5))
good, bad = psnr(bpg.decode([payload]).image), psnr(bpg.decode([None]).image)
snrs, trials = np.arange(0.5, 1.76, 0.125), 40
figure, axis = plt.subplots(figsize=(8, 3.6))
rng = np.random.default_rng(1)
means, formula = [], []
for snr in snrs:
    sent = link.transmit([payload] * trials, float(snr), list(range(trials)))
    quality = np.array([good if got is not None else bad for got in sent.payloads])
    bler = sum(sent.reports).payloads_lost / trials
    axis.plot(snr + rng.uniform(-0.03, 0.03, trials), quality + rng.uniform(-0.3, 0.3, trials), ".",
              color="0.7", ms=3)  # fmt: skip
    means.append(quality.mean())
    formula.append((1 - bler) * good + bler * bad)
axis.plot(snrs, formula, color=OKABE_ITO[1], lw=4, alpha=0.5, label="mixture by block error rate")
axis.plot(snrs, means, color=OKABE_ITO[0], lw=1.5, label="mean of transmissions")
axis.plot([], [], ".", color="0.6", label="one transmission (jittered)")
axis.set(xlabel="Es/N0 (dB)", ylabel="PSNR (dB)", title="No picture is half good")
axis.legend(fontsize=9, loc="lower right");

# %% [markdown]
# No single picture is half good. The slope is in the average only.
#
# ## Does SQ-GAN have a cliff?
#
# With the whole picture in one packet: the same one. What its tokens allow, and an arithmetic-coded
# picture does not, is to be *divided*: each packet decodes alone, and de-masking fills the gaps of the
# lost ones. Here one picture is sent as 2 packets and as 24, at an SNR in the middle of the cliff.

# %%
from semcom.segmentation import load_segmenter

label_map = load_segmenter("transmitter")(sample.image[None])[0]
settings = CODECS["sqgan"].Settings
figure, axes = plt.subplots(2, 4, figsize=(12, 3.7))
for row, counts in zip(axes, ({"image": 1, "label_map": 1}, {"image": 16, "label_map": 8}), strict=True):
    codec = CODECS["sqgan"](
        settings(keep_fraction={"image": 0.45, "label_map": 0.6}, packets=counts)
    )
    payloads = [packet.payload for packet in codec.encode(sample.image, label_map)]
    size = sum(map(len, payloads))
    for trial, axis in enumerate(row):
        sent = link.transmit(payloads, 0.9, [1000 * trial + i for i in range(len(payloads))]).payloads
        axis.imshow(codec.decode(sent).image)
        lost = sum(got is None for got in sent)
        axis.set_title(f"{lost} of {len(sent)} packets lost ({size} bytes)", fontsize=9.5)
        axis.axis("off")

# %% [markdown]
# <details><summary><b>Question 3.</b> So why not always send 24 packets?</summary>
#
# Look at the bytes. Each packet has a header and a CRC, its own entropy coder that starts knowing nothing,
# tokens whose neighbours are in other packets and cannot help to predict them; and short code words have
# cliffs further right (see above). That robustness costs about twice the bits, whether the channel is
# bad or not. It pays where the SNR is unknown or fading. `scenarios/blocklength.yaml` measures it.
# </details>
#
# <details><summary><b>Question 4.</b> Then why does BPG "die" and SQ-GAN not, in papers?</summary>
#
# Often because BPG is sent as one payload at a fixed code rate beyond its cliff, beside a system that may
# adapt. Be fair: give both the same link, the same channel uses, the best code rate each; count the
# masks and headers of both. What remains is real: SQ-GAN needs fewer bits for the same meaning, so it can
# afford a *lower code rate* in the same bandwidth, and its cliff then lies further left.
# </details>
#
# ## Moving the cliff: the code rate
#
# Rate 1/5 to 8/9: each has its cliff. Together they make a staircase along the Shannon curve: a sender who
# knows the SNR picks the step. (`channels.adaptation.adapt` does.)

# %%
figure, axis = plt.subplots(figsize=(8, 4))
efficiency = np.linspace(0.3, 5, 100)
axis.plot([shannon_esn0(b) for b in efficiency], efficiency, color="0.3", ls=":", label="Shannon")
for number, modulation in enumerate(("qpsk", "16qam", "64qam")):
    points = []
    for rate in (0.2, 0.4, 0.6, 0.8):
        one = LinkSettings(rate=rate, modulation=modulation)
        cliff = find_cliff(Link(one), 300, high=0.5, low=0.08, resolution_db=0.4, max_errors=12)
        points.append((cliff.esn0_db(0.1), rate * one.bits_per_symbol))
    axis.plot(*zip(*points, strict=True), "os^"[number], color=OKABE_ITO[number], label=modulation)
axis.set(xlabel="Es/N0 (dB) at BLER 0.1", ylabel="information bits per symbol",
         title="Every code rate has a cliff of its own")  # fmt: skip
axis.legend();

# %% [markdown]
# **Next**: what becomes of the cliff when the channel fades ([notebook 4](04_channels.ipynb)).
