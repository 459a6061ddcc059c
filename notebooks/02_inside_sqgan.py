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
# # 2. Inside SQ-GAN: masks, codebooks, bits
#
# Between a picture and its packets stand three decisions: *which* squares of the picture are worth
# sending (a mask), *what* to say about each (an index into a codebook), and *how few bits* that takes
# (an entropy coder). Every stage is an object that can be called alone; this notebook opens them.
#
# SQ-GAN is the work of Pezone, Barbarossa and Caire, [arXiv 2502.09520](https://arxiv.org/abs/2502.09520).

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import SelectionSlider, interact
from matplotlib_inline.backend_inline import set_matplotlib_formats

import semcom.data
from semcom.codecs import CODECS
from semcom.codecs.sqgan.bitstream import read_packet
from semcom.data import CAMVID_CLASSES, CAMVID_PALETTE, colourise
from semcom.metrics import METRICS
from semcom.plots import OKABE_ITO, STYLE
from semcom.segmentation import load_segmenter
from semcom.codecs.sqgan.bitstream import CELL

set_matplotlib_formats("jpeg", pil_kwargs={"quality": 82})
plt.rcParams.update(
    STYLE | {"figure.dpi": 74, "axes.grid": False, "figure.constrained_layout.use": True}
)

samples = semcom.data.load("street", split="test", count=12)
sample = samples[1]
segment = load_segmenter("transmitter")


def sqgan(image, label_map, **settings):
    """SQ-GAN with these keep fractions."""
    keep_fraction = {"image": image, "label_map": label_map}
    return CODECS["sqgan"](CODECS["sqgan"].Settings(keep_fraction=keep_fraction, **settings))


def picture(axis, pixels, title="", **how):
    axis.imshow(pixels, **how)
    axis.set_title(title, fontsize=10)
    axis.axis("off")


# %% [markdown]
# ## The mask: what is worth sending
#
# The picture is 256 x 512 pixels, so 16 x 32 cells. **SAMM** gives each cell a score between 0 and 1,
# looking at the features *and at the label map*; the best `floor(m N)` are kept. The score multiplies
# the feature vector that is sent, and that product is the only way training reaches it: a cell gets a
# high score when what stands in it helps the receiver.

# %%
codec = sqgan(0.3, 0.4)
trace = codec.transmitter.trace(sample.image, segment(sample.image[None])[0])
rows, columns = trace.masked.shape


def score_map(path):
    return trace.masked.selections[path].scores[0].numpy().reshape(rows, columns)


def veiled(image, mask):
    """The picture with the cells that are not sent faded out."""
    kept = np.kron(mask, np.ones((CELL, CELL)))[..., None] > 0
    return np.where(kept, image, 0.15 * image + 0.85 * 250).astype(np.uint8)


figure, axes = plt.subplots(2, 3, figsize=(11.5, 4.2))
for row, path, shown in zip(
    axes, ("image", "label_map"), (sample.image, colourise(trace.label_map)), strict=True
):
    scores = score_map(path)
    picture(row[0], shown, f"{path.replace('_', ' ')}")
    picture(row[1], scores, "score of each cell", cmap="viridis")
    kept = trace.tokens[path].mask
    picture(row[2], veiled(shown, kept), f"the {kept.mean():.0%} that are sent")

# %% [markdown]
# What do the masks follow? Count, over twelve streets, how often a cell of each class is kept.

# %%
cells = np.zeros((len(samples), rows, columns), int)
kept = {path: np.zeros((len(samples), rows, columns), bool) for path in ("image", "label_map")}
indices = {path: [] for path in kept}
patches, classes_of = [], []
for number, one in enumerate(samples):
    found = segment(one.image[None])[0]
    blocks = found.reshape(rows, CELL, columns, CELL).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    # the class that most pixels of a cell have
    cells[number] = [[np.bincount(cell, minlength=11)[:11].argmax() for cell in row] for row in blocks]
    of_one = codec.transmitter.trace(one.image, found)
    for path in kept:
        kept[path][number] = of_one.tokens[path].mask
        indices[path].append(of_one.tokens[path].grid[of_one.tokens[path].mask])
    tiles = one.image.reshape(rows, CELL, columns, CELL, 3).transpose(0, 2, 1, 3, 4)
    patches.append(tiles[kept["image"][number]])
    classes_of.append(cells[number][kept["image"][number]])

names = [name.replace("_", " ") for name in CAMVID_CLASSES]
share = np.array([[kept[path][cells == c].mean() if (cells == c).any() else 0 for c in range(11)]
                  for path in kept])  # fmt: skip
order = np.argsort(-share[0])
figure, axis = plt.subplots(figsize=(9, 3.4))
for offset, (path, values) in enumerate(zip(kept, share, strict=True)):
    axis.bar(np.arange(11) + 0.4 * offset - 0.2, values[order], 0.38, color=OKABE_ITO[offset],
             label=f"{path.replace('_', ' ')}: {kept[path].mean():.0%} kept in all")  # fmt: skip
axis.set_xticks(range(11), [names[c] for c in order], rotation=30, ha="right", fontsize=9)
axis.set_ylabel("share of cells kept")
axis.legend(fontsize=9);

# %% [markdown]
# The two paths divide the work. The picture's path sends the sky, which tells the light of the whole
# scene, and then things that vary from street to street, people, trees and cars; road and pavement it
# leaves to the generator, which knows how asphalt looks. The map's path anchors the large areas: road,
# sky and buildings.
#
# <details><summary><b>Question 1.</b> One would have bet that the map's mask follows the *edges* between
# classes. Why might training prefer the insides?</summary>
#
# A vector that says "road here, and for many cells around" is right over a large area, and the
# de-masking network spreads it. At an edge a cell holds parts of several classes in an exact
# arrangement, which one of 1024 codes can only approximate: much to say, little of it right. With a
# loss that counts pixels the first is worth more. A loss that weighs classes or edges shifts the
# choice: masks show what a network was *paid* for, not what is important.
# </details>
#
# <details><summary><b>Question 2.</b> The transmitter could send the mask for free if the receiver
# knew it. Could the receiver compute it?</summary>
#
# Not quite: the score depends on features of the picture, which the receiver does not have. It could be
# computed from the *decoded label map* alone, which is sent first; then no mask bits would be needed,
# but the choice would no longer see the picture, and with the map's packet lost nobody could tell which
# cell an index belongs to. The mask here is coded with an adaptive model that knows its neighbours;
# the bars further below show what it costs.
# </details>

# %% [markdown]
# ## How much is enough?
#
# One network serves every keep fraction. The slider moves the share of picture tokens.

# %%
FRACTIONS = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0]
at = {}
for fraction in FRACTIONS:
    one = sqgan(fraction, 0.4)
    packets = one.encode(sample.image, trace.label_map)
    received = one.decode([packet.payload for packet in packets])
    at[fraction] = received, sum(8 * len(packet.payload) for packet in packets)


def keep(image_fraction):
    received, bits = at[image_fraction]
    figure, axes = plt.subplots(1, 2, figsize=(11, 2.9))
    mask = received.extras["kept_mask"]
    picture(axes[0], veiled(sample.image, mask), f"sent: {mask.sum()} of {mask.size} tokens")
    picture(axes[1], received.image, f"received: {bits} bits, {bits / sample.image[..., 0].size:.4f} per pixel")
    plt.show()


# %% tags=["slider"]
interact(keep, image_fraction=SelectionSlider(options=FRACTIONS, value=0.3, description="m_x"));

# %% [markdown]
# Without a kernel, three of its positions. From 0.05 to 0.3 the tokens bring light and shade to walls
# and cars; beyond that there is little left to see.

# %%
figure, axes = plt.subplots(2, 3, figsize=(11.5, 4.1))
for column, fraction in zip(axes.T, (0.05, 0.3, 1.0), strict=True):
    received, bits = at[fraction]
    picture(column[0], veiled(sample.image, received.extras["kept_mask"]), f"m_x = {fraction:g}")
    picture(column[1], received.image, f"{bits / sample.image[..., 0].size:.4f} bits per pixel")

# %% [markdown]
# ## The codebook: what a token can say
#
# Each kept vector is replaced by the nearest of 1024 codes, and its number is what is sent. What do the
# codes mean? Each row shows squares of different streets that were sent as *the same code*, for nine of
# the frequent ones; the bar tells the class that the code stands for most often.

# %%
sent = np.concatenate(indices["image"])
patches, classes_of = np.concatenate(patches), np.concatenate(classes_of)
counts = np.bincount(sent, minlength=1024)
frequent = [code for code in np.argsort(-counts) if counts[code] >= 5]
# not nine kinds of sky: at most two codes a class
chosen, taken = [], np.zeros(11, int)
for code in frequent:
    main = np.bincount(classes_of[sent == code], minlength=11).argmax()
    if taken[main] < 2 and len(chosen) < 9:
        taken[main] += 1
        chosen.append((code, main))
figure, axes = plt.subplots(3, 3, figsize=(11.5, 2.4))
for axis, (code, main) in zip(axes.flat, chosen, strict=False):
    strip = np.full((CELL, 8 * (CELL + 1), 3), 255, np.uint8)
    for number, patch in enumerate(patches[sent == code][:8]):
        strip[:, number * (CELL + 1) : number * (CELL + 1) + CELL] = patch
    axis.imshow(np.hstack([np.full((CELL, 3, 3), CAMVID_PALETTE[main], np.uint8), strip]))
    axis.set_title(f"code {code}: mostly {names[main]}", fontsize=8.5)
for axis in axes.flat:
    axis.axis("off")

# %%
used = {path: np.bincount(np.concatenate(found), minlength=1024) for path, found in indices.items()}


def entropy(histogram):
    """Bits per index if codes came independently with these frequencies."""
    p = histogram[histogram > 0] / histogram.sum()
    return float(-(p * np.log2(p)).sum())


for path, histogram in used.items():
    bits = entropy(histogram)
    print(f"{path:10} {(histogram > 0).sum()} of 1024 codes seen in {histogram.sum()} tokens, "
          f"entropy {bits:.2f} bits an index; the size of the codebook says 10")  # fmt: skip

# %% [markdown]
# Squares of a row need not look alike to you: a code stands for what is worth *repainting* alike, in a
# context that the label map has already told.
#
# ## Bits: what the formula says and what is sent
#
# The paper counts `10 k + N` bits a path: ten for each of k indices, one flag for each of N cells.
# `entropy: raw` sends exactly that. `entropy: learned` range-codes both under models: the mask
# under one that learns while it goes, the indices under one that knows which codes are neighbours.
# A *palette* goes beside the picture's tokens, see below, and *second* tokens beside the map's, where
# the first one of a cell leaves too much wrong.

# %%
PARTS = ("header", "mask", "indices", "palette", "second", "padding")


def budget(codec):
    """Bits by (path, part) of the sample."""
    packets = codec.encode(sample.image, trace.label_map)
    return {(p.kind, part): p.bits.get(part, 0) for p in packets for part in PARTS}


bars = {
    f"{mode}, m_x {m_x:g}, m_s {m_s:g}": budget(sqgan(m_x, m_s, entropy=mode))
    for m_x, m_s in ((0.15, 0.35), (0.3, 0.4), (1.0, 1.0))
    for mode in ("raw", "learned")
}
figure, axis = plt.subplots(figsize=(9.5, 3.3))
for row, (name, bits) in enumerate(bars.items()):
    left = 0
    for path, part in bits:
        width = bits[path, part]
        if part == "padding" or not any(bar[path, part] for bar in bars.values()):
            continue
        axis.barh(row, width, left=left, color=OKABE_ITO[PARTS.index(part)],
                  alpha=1 if path == "label_map" else 0.55, edgecolor="white",
                  label=f"{path.replace('_', ' ')}: {part}" if row == 0 else None)  # fmt: skip
        left += width
    axis.text(left + 80, row, f"{sum(bits.values())}", va="center", fontsize=9)
axis.set_yticks(range(len(bars)), bars, fontsize=9)
axis.invert_yaxis()
axis.set_xlabel("bits of one picture")
axis.legend(fontsize=8.5, ncols=2, loc="upper right")
for path in ("label_map", "image"):
    spent = bars["learned, m_x 0.3, m_s 0.4"][path, "indices"] / trace.tokens[path].mask.sum()
    print(f"{path:10} {spent:.2f} bits an index in this picture under the learned model")

# %% [markdown]
# <details><summary><b>Question 3.</b> The learned model spends fewer bits on an index than the entropy
# of the codes' frequencies. Shannon says that nobody gets below the entropy. Who is right?</summary>
#
# Both. The entropy of frequencies bounds codes that treat tokens as *independent*. The learned model
# looks at the four neighbours already decoded and at the row: beside sky comes sky, and at the bottom
# road. What bounds it is the entropy *given* that context, which is lower. (The frequencies here are
# even flattered: they were counted on the very tokens that they describe.)
# </details>
#
# ## Colours: a palette beside the tokens
#
# A few hundred tokens have no room for colour, and a generator that must guess it is least wrong with
# grey. But a colour belongs to a thing, and the map says where things are: so the mean Cb and Cr of every
# class in every cell of 128 x 128 pixels go along, and the receiver shifts the chroma of what it drew
# until its own means agree. This is not in the paper; `palette: false` leaves it out.

# %%
figure, axes = plt.subplots(1, 3, figsize=(11.5, 2.3), layout="constrained")
picture(axes[0], sample.image, "original")
for axis, on in zip(axes[1:], (False, True), strict=True):
    painter = sqgan(0.3, 0.4, palette=on)
    packets = painter.encode(sample.image, trace.label_map)
    seen = painter.decode([packet.payload for packet in packets]).image
    cost = packets[1].bits.get("palette", 0)
    picture(axis, seen, f"with a palette, {cost} bits" if on else "tokens alone")
plt.show()

# %% [markdown]
# <details><summary><b>Question 4.</b> Two cars stand in one cell, a red one and a blue one. What do they
# look like at the receiver, and what would it take to tell them apart?</summary>
#
# Both get the shift that brings the *mean* of the class to that of the two: purple, roughly. Telling them
# apart takes smaller cells, which cost four times the bits for half the side, or a map that knows
# instances and not only classes.
# </details>
#
# ## The price of few bits: one wrong bit
#
# Flip one bit of a raw packet and of a range-coded one, and read them.

# %%
networks = codec.receiver.entropy_decoder.networks
models = networks.index_models, networks.palette_model, networks.second_model


def flip(payload, bit):
    damaged = bytearray(payload)
    damaged[bit // 8] ^= 0x80 >> bit % 8
    return bytes(damaged)


for mode in ("raw", "learned"):
    payload = sqgan(0.3, 0.4, entropy=mode).encode(sample.image, trace.label_map)[1].payload
    clean = read_packet(payload, *models).tokens.grid
    outcomes = []
    for bit in np.linspace(8 * len(payload) * 0.7, 8 * len(payload) - 20, 40).astype(int):
        try:
            outcomes.append(int((read_packet(flip(payload, bit), *models).tokens.grid != clean).sum()))
        except ValueError:
            outcomes.append("refused")
    told = sum(outcome == "refused" for outcome in outcomes)
    wrong = [outcome for outcome in outcomes if outcome != "refused"]
    print(f"{mode:8} {len(payload)} bytes: {told} of 40 single flips refused by the reader; "
          f"wrong tokens in the others: {sorted(set(wrong))}")  # fmt: skip

# %% [markdown]
# A raw index that lost a bit is one wrong token. A range-coded stream has no such locality: whatever
# follows the flip is garbage. (This reader mostly notices, because it encodes again what it decoded and
# compares; most range coders would hand out the garbage in silence. But a damaged packet may also be
# the right code of *other* tokens, and then only a checksum can tell.) Compression removed exactly the
# redundancy that kept errors local. **So a compressed packet needs a link that delivers it whole or
# says that it did not**, and that is where the cliff of notebook 3 comes from.
#
# ## What is lost is masked
#
# A lost packet's tokens are masked tokens to the receiver. Here a share of the picture's tokens is taken
# away at random, as if packets were missing; its palette is left.

# %%
rng = np.random.default_rng(3)
whole = trace.tokens["image"]
order = rng.permutation(np.flatnonzero(whole.grid >= 0))
generator = codec.receiver.generator
received_map = generator.label_map(trace.tokens["label_map"])
LOST = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
thinned = {}
for lost in LOST:
    grid = whole.grid.copy()
    grid.reshape(-1)[order[: round(lost * len(order))]] = -1
    thinned[lost] = generator.image(replace(whole, grid=grid), received_map)


def lose(share):
    figure, axis = plt.subplots(figsize=(6, 3))
    picture(axis, thinned[share], f"{share:.0%} of the tokens lost")
    plt.show()


# %% tags=["slider"]
interact(lose, share=SelectionSlider(options=LOST, value=0.4, description="lost"));

# %%
scorer, metric = load_segmenter("scorer"), METRICS["miou"]()


def miou(pixels):
    received = type(received_whole)(pixels)
    counts = metric.measure(sample, received, scorer(pixels[None])[0])
    return metric.summarise([counts])["miou"]


received_whole = at[0.3][0]
figure, axes = plt.subplots(1, 4, figsize=(12, 2.1))
for axis, lost in zip(axes, (0.0, 0.4, 0.8, 1.0), strict=True):
    picture(axis, thinned[lost], f"{lost:.0%} lost: mIoU {miou(thinned[lost]):.2f}")

# %% [markdown]
# The label map arrived, and it carries most of the meaning: even without any picture token the generator
# knows what is where, only not in which light.
#
# ## The generator believes the map
#
# It paints under the *received label map* (SPADE normalisation). So editing the map edits the picture,
# with the very same picture tokens:

# %%
CAR, ROAD, TREE, BUILDING = (CAMVID_CLASSES.index(n) for n in ("car", "road", "tree", "building"))
edits = {
    "as received": received_map,
    "cars become road": np.where(received_map == CAR, ROAD, received_map),
    "buildings become trees": np.where(received_map == BUILDING, TREE, received_map),
}
figure, axes = plt.subplots(2, 3, figsize=(11.5, 4.1))
for column, (name, edited) in zip(axes.T, edits.items(), strict=True):
    edited = edited.astype(np.uint8)
    picture(column[0], colourise(edited), name)
    picture(column[1], generator.image(whole, edited))

# %% [markdown]
# What the tokens say shines through: where the car stood, a dark smudge is left on the road.
#
# <details><summary><b>Question 5.</b> Which of the two packets would you protect better, the map's or
# the picture's?</summary>
#
# The map's. Without it the tokens of the picture hang in the air: the generator is conditioned on a map
# that it has to guess. Without the picture's tokens the map still says where everything is. The map's
# tokens are also the cheaper ones. That is *unequal error protection*: a stronger code for the packet
# that matters most.
# </details>
#
# <details><summary><b>Question 6.</b> A segmenter at the transmitter misses a pedestrian. What does
# the receiver see?</summary>
#
# A street without the pedestrian, painted convincingly. The system can not send what its transmitter
# did not understand: its errors are errors of meaning, not blur. A conventional codec at the same rate
# shows a smudge, from which nobody can tell a pedestrian either, but a smudge does not pretend.
# </details>
#
# **Next**: [the digital cliff](03_the_digital_cliff.ipynb).
