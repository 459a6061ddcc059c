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
# # 4. Channels: from white noise to a moving car
#
# White noise is the same for everyone at every moment. A radio channel is not: echoes add up or cancel,
# and a car that moves by a hand's breadth meets another channel. This notebook shows what that does to
# the cliff, and what engineers do about it.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, interact
from matplotlib_inline.backend_inline import set_matplotlib_formats

from channels import CHANNELS, Link, LinkSettings
from channels.curves import sweep
from channels.models import flat_fading
from channels.multipath import Multipath
from semcom.plots import MARKERS, OKABE_ITO, STYLE

set_matplotlib_formats("jpeg", pil_kwargs={"quality": 84})
plt.rcParams.update(STYLE | {"figure.dpi": 76, "figure.constrained_layout.use": True})

for name, text in CHANNELS.items():
    print(f"{name:9} {text}")

# %% [markdown]
# ## Fading: one number decides
#
# Many echoes without a direct path add up to a random complex number, the **Rayleigh** coefficient h. A
# payload that is short against the movement meets one of them. Its SNR is `|h|^2` times the mean.

# %%
gains = np.abs(flat_fading(range(4000))) ** 2
rician = np.abs(flat_fading(range(4000), direct_over_scattered=10 ** 0.6)) ** 2
figure, axes = plt.subplots(1, 2, figsize=(11, 3.2))
axes[0].plot(10 * np.log10(gains[:120]), color=OKABE_ITO[1], lw=1.2, label="Rayleigh")
axes[0].plot(10 * np.log10(rician[:120]), color=OKABE_ITO[2], lw=1.2, label="Rician, K = 6 dB")
axes[0].axhline(0, color=OKABE_ITO[0], label="white noise alone")
axes[0].set(xlabel="payload", ylabel="its gain (dB)")
axes[0].legend(fontsize=9)
levels = np.linspace(-30, 8, 200)
for values, colour, name in ((gains, 1, "Rayleigh"), (rician, 2, "Rician, K = 6 dB")):
    axes[1].semilogy(levels, [(10 * np.log10(values) < x).mean() for x in levels],
                     color=OKABE_ITO[colour], label=name)  # fmt: skip
axes[1].semilogy(levels, 1 - np.exp(-(10 ** (levels / 10))), "k:", lw=1.2, label="1 - exp(-x)")
axes[1].set(xlabel="gain x (dB)", ylabel="share of payloads below", ylim=(1e-3, 1.5))
axes[1].legend(fontsize=9);

# %% [markdown]
# ## The cliff, smeared
#
# One code, one payload, three channels. The dashed line is not fitted: it is the white-noise curve,
# averaged over the gains above, `E[BLER_awgn(|h|^2 SNR)]`.

# %%
NUM_BYTES = 150
grid = {
    "awgn": [-1, 0, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2],
    "rician": [-2, 0, 2, 4, 6, 8, 10, 12],
    "rayleigh": [-4, 0, 4, 8, 12, 16, 20],
}
limits = {"max_errors": 60, "max_payloads": 1000}
measured = {
    name: sweep(Link(LinkSettings(channel=name)), NUM_BYTES, snrs, **limits)
    for name, snrs in grid.items()
}


def awgn_bler(snr_db):
    """BLER over white noise, between the measured points, 1 left and 0 right of them."""
    points = measured["awgn"]
    x = [point.esn0_db for point in points]
    y = [point.block_error_rate for point in points]
    return np.interp(snr_db, x, y, left=1, right=0)


figure, axis = plt.subplots(figsize=(8, 4))
for number, (name, points) in enumerate(measured.items()):
    seen = [point for point in points if point.errors]
    axis.semilogy([p.esn0_db for p in seen], [p.block_error_rate for p in seen], MARKERS[number] + "-",
                  color=OKABE_ITO[number], label=name)  # fmt: skip
for values, colour in ((gains, 2), (rician, 1)):
    snrs = np.linspace(-4, 21, 60)
    predicted = [awgn_bler(x + 10 * np.log10(values)).mean() for x in snrs]
    axis.semilogy(snrs, np.maximum(predicted, 1e-4), "--", color=OKABE_ITO[colour], lw=1.2)
axis.set(xlabel="mean Es/N0 (dB)", ylabel="block error rate", ylim=(4e-3, 1.4),
         title="A cliff, averaged over random gains")  # fmt: skip
axis.legend();

# %% [markdown]
# The measured points lie on the dashed lines. Fading has not made the code worse: each payload still has its
# cliff, at the same place; but the payload's SNR is drawn by lot. A payload is lost when the draw falls
# below the cliff: **outage**. For Rayleigh that is `1 - exp(-cliff / SNR)`, ten times less per 10 dB.
#
# <details><summary><b>Question 1.</b> How much more power does Rayleigh fading cost at a block error
# rate of 1 %?</summary>
#
# White noise: about 1.5 dB. Rayleigh: `1 - exp(-10^0.1 / SNR) = 0.01` gives 21 dB. Twenty decibels, a
# hundred times the power, to buy off the worst one in a hundred draws. Nobody pays that; see below.
# </details>
#
# <details><summary><b>Question 2.</b> Would a better channel code help?</summary>
#
# Hardly. Half a decibel nearer to Shannon moves the whole line by half a decibel. The losses come from
# draws that are 10 or 20 dB too low. What helps is not to hang everything on one draw: **diversity**.
# </details>
#
# ## Diversity in time: another attempt
#
# Send again what failed. The next attempt meets another gain, and adds to what was received before.

# %%
figure, axis = plt.subplots(figsize=(8, 3.8))
for attempts in (1, 2, 4):
    options = {} if attempts == 1 else {"attempts": attempts, "combining": "chase"}
    link = Link(LinkSettings(channel="rayleigh", **options))
    points = [p for p in sweep(link, NUM_BYTES, [-6, -3, 0, 3, 6, 9, 12, 15], **limits) if p.errors]
    axis.semilogy([p.esn0_db for p in points], [p.block_error_rate for p in points], "o-",
                  color=OKABE_ITO[int(math.log2(attempts))], label=f"attempts at most: {attempts}")  # fmt: skip
axis.set(xlabel="mean Es/N0 (dB)", ylabel="share lost for good", ylim=(4e-3, 1.4),
         title="Rayleigh fading: the slope is the number of attempts")  # fmt: skip
axis.legend();

# %% [markdown]
# With L independent draws all must be bad: the line falls L decades per 10 dB.
#
# ## Diversity in frequency: OFDM over echoes
#
# Over a wide band an echo that cancels one frequency strengthens another. Here is the channel of a moving
# car, TDL-C of the 3GPP's TR 38.901, over 72 subcarriers and some milliseconds.

# %%
def channel(speed=14.0, delay_spread_ns=200.0, seed=3, slots=8):
    """Gain in dB of every resource element, [time, frequency]."""
    ofdm = {"speed": speed, "delay_spread_ns": delay_spread_ns}
    settings = LinkSettings(channel="tdl-c", ofdm=ofdm)
    response = Multipath(settings).frequency_response([seed], slots).reshape(-1, settings.ofdm.size)
    return 20 * np.log10(np.abs(response.numpy())), settings.ofdm


def draw(speed, delay_spread_ns, axis=None):
    if axis is None:
        _, axis = plt.subplots(figsize=(6, 3))
    gain, ofdm = channel(speed, delay_spread_ns)
    width = ofdm.size * ofdm.subcarrier_spacing_khz / 1e3
    shown = axis.imshow(gain, aspect="auto", cmap="viridis", vmin=-20, vmax=6, origin="lower",
                        extent=(0, width, 0, len(gain) * ofdm.symbol_seconds * 1e3))  # fmt: skip
    axis.set_title(f"{speed:g} m/s, delay spread {delay_spread_ns:g} ns", fontsize=10)
    axis.set(xlabel="frequency (MHz)", ylabel="time (ms)")
    axis.grid(False)
    return shown


# %% tags=["slider"]
interact(
    lambda speed, delay_spread_ns: draw(speed, delay_spread_ns) and plt.show(),
    speed=FloatSlider(min=0, max=100, step=5, value=15),
    delay_spread_ns=FloatSlider(min=0, max=250, step=25, value=100),
);

# %% [markdown]
# Without a kernel, four of its positions:

# %%
figure, axes = plt.subplots(1, 4, figsize=(13, 3))
for axis, (speed, spread) in zip(axes, ((3, 20), (3, 250), (60, 20), (60, 250)), strict=True):
    shown = draw(speed, spread, axis)
figure.colorbar(shown, ax=axes, label="gain (dB)");

# %% [markdown]
# <details><summary><b>Question 3.</b> Which property of the street sets the stripes' width in
# frequency, and which in time?</summary>
#
# Frequency: the *differences of path lengths*. Two echoes T seconds apart cancel every 1/T hertz; 250 ns
# (75 m) makes stripes of some megahertz and less. Time: the *speed*. The pattern changes when the car has
# moved by about half a wavelength (4 cm at 3.5 GHz), at 60 m/s in 0.7 ms.
# </details>
#
# A code word that is spread over many stripes sees their average: the line gets steeper again. But the
# receiver must *know* the channel to undo it, and learns it from pilots in noise.

# %%
figure, axes = plt.subplots(1, 2, figsize=(11.5, 3.8), sharey=True)
snrs = [-2, 1, 4, 7, 10, 13]
few = {"max_errors": 40, "max_payloads": 300}
for number, spread in enumerate((0.0, 50.0, 250.0)):
    ofdm = {"delay_spread_ns": spread, "estimation": "perfect"}
    points = sweep(Link(LinkSettings(channel="tdl-c", ofdm=ofdm)), NUM_BYTES, snrs, **few)
    points = [p for p in points if p.errors]
    axes[0].semilogy([p.esn0_db for p in points], [p.block_error_rate for p in points],
                     MARKERS[number] + "-", color=OKABE_ITO[number], label=f"{spread:g} ns")  # fmt: skip
for number, estimation in enumerate(("perfect", "wiener", "ls")):
    ofdm = {"delay_spread_ns": 250.0, "speed": 30.0, "estimation": estimation}
    points = sweep(Link(LinkSettings(channel="tdl-c", ofdm=ofdm)), NUM_BYTES, snrs, **few)
    points = [p for p in points if p.errors]
    axes[1].semilogy([p.esn0_db for p in points], [p.block_error_rate for p in points],
                     MARKERS[number] + "-", color=OKABE_ITO[number], label=estimation)  # fmt: skip
axes[0].set(xlabel="mean Es/N0 (dB)", ylabel="block error rate", ylim=(4e-3, 1.4),
            title="Echoes help: delay spread")  # fmt: skip
axes[1].set(xlabel="mean Es/N0 (dB)", title="The price of not knowing the channel")
for axis in axes:
    axis.legend()

# %% [markdown]
# **Wiener** uses what is known of the channel's statistics to tell noise from stripes; **least squares**
# believes each pilot as it came. The difference is worth more than most channel codes.
#
# ## A street, traced
#
# So far echoes were drawn by lot. A ray tracer computes them from walls, a mast and a place. The package
# holds the paths of one drive: 16 positions, 8 m apart, down one of its rendered streets at 3.5 GHz.

# %%
from channels.drives import load_drive

drive = load_drive("street")
near, far = drive.gains_db.argmax(), 9  # beside the mast, and behind the corner of its roof
figure, axes = plt.subplots(1, 2, figsize=(11.5, 3.2))
axes[0].plot(drive.metres, drive.gains_db, "o-", color=OKABE_ITO[0])
axes[0].axhline(0, color="0.5", ls="--", lw=1)
axes[0].set(xlabel="way (m)", ylabel="gain over the mean position (dB)", title="Power along the way")
for number, place in ((0, near), (1, far)):
    power = np.abs(drive.amplitudes[place]) ** 2
    there = power > 0
    late = (drive.delays[place][there] - drive.delays[place][there].min()) * 1e9
    axes[1].plot(late, 10 * np.log10(power[there] / power.max()), "os"[number], color=OKABE_ITO[number],
                 label=f"at {drive.metres[place]:.0f} m: {there.sum()} paths")  # fmt: skip
axes[1].set(xlabel="delay after the first path (ns)", ylabel="power of a path (dB)", ylim=(-45, 3),
            title="Paths at two of the places")  # fmt: skip
axes[1].legend();

# %%
link = Link(LinkSettings(channel="ray_traced"))
payloads = [np.random.default_rng(number).bytes(60) for number in range(20)]
figure, axis = plt.subplots(figsize=(8, 3.4))
for number, esn0_db in enumerate((0.0, 10.0, 20.0)):
    lost = []
    for name in drive.names:
        got = link.transmit(payloads, esn0_db, range(20), [name] * 20).payloads
        lost.append(sum(one is None for one in got) / 20)
    axis.plot(drive.metres, lost, MARKERS[number] + "-", color=OKABE_ITO[number],
              label=f"{esn0_db:g} dB in the mean")  # fmt: skip
axis.set(xlabel="way (m)", ylabel="share of payloads lost", title="The same link, place by place")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1));

# %% [markdown]
# <details><summary><b>Question 4.</b> "Es/N0 = 10 dB" is the mean over the way. Does the mean driver exist?</summary>
#
# No. Most places are far above or far below their mean power, which a few near places dominate: at the
# first nearly nothing is lost, at the last nearly everything, and only on the way from one to the other
# the cliff is met. An average over places hides *where* it fails, which is what a driver wants to know.
# Rayleigh fading changes every few centimetres; this *shadowing* stays for many metres, and sending
# again at once does not help: another mast does, or sending less, or waiting for a better place.
# </details>
#
# ## What it means for a picture
#
# A picture in one packet, on one draw, or in sixteen? Look at the share of its packets that arrives.

# %%
link = Link(LinkSettings(channel="rayleigh"))
rng = np.random.default_rng(0)
figure, axes = plt.subplots(1, 3, figsize=(11.5, 2.9), sharey=True)
for axis, count in zip(axes, (1, 4, 16), strict=True):
    payloads = [rng.bytes(480 // count) for _ in range(count)]
    arrived = []
    for trial in range(120):
        got = link.transmit(payloads, 4.0, [trial * 100 + i for i in range(count)]).payloads
        arrived.append(sum(one is not None for one in got) / count)
    axis.hist(arrived, bins=np.linspace(-0.03, 1.03, 18), color=OKABE_ITO[0])
    axis.set(title=f"480 bytes, packets: {count}", xlabel="share that arrives")
axes[0].set_ylabel("pictures of 120");

# %% [markdown]
# The mean is the same in all three. One packet gambles: all or nothing. Sixteen make every picture about
# equally incomplete, which is only worth something to a receiver that can use an incomplete picture:
# SQ-GAN's de-masking can, an arithmetic-coded file cannot. `scenarios/camvid_rayleigh.yaml` and
# `scenarios/street_tdl.yaml` carry this through to mIoU.
#
# <details><summary><b>Question 5.</b> A brake assistant and a film download meet the same fading. Who
# wants one packet, who sixteen?</summary>
#
# The download wants long, efficient packets and sends again what failed: time is diversity. The assistant
# has no time; an incomplete picture *now* is worth more than a perfect one of a second ago. Deadlines, not
# decibels, are why semantic coding and graceful loss belong together.
# </details>
