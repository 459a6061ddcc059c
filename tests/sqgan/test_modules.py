"""The parts of SQ-GAN against their definitions."""

import pytest
import torch

from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.demasking import AdaptiveDemasking, scatter_codes
from semcom.codecs.sqgan.layers import Attention
from semcom.codecs.sqgan.maps import map_pyramid, one_hot_map
from semcom.codecs.sqgan.model import ImagePath, MapPath
from semcom.codecs.sqgan.quantizer import VectorQuantizer
from semcom.codecs.sqgan.samm import SAMM, kept_cells


@pytest.mark.parametrize(
    ("keep", "kept"), [(0.05, 25), (0.15, 76), (0.2, 102), (0.55, 281), (1, 512)]
)
def test_kept_cells_are_the_published_counts(keep: float, kept: int) -> None:
    assert kept_cells(keep, 512) == kept


def test_samm_keeps_the_best_scores_in_raster_order() -> None:
    torch.manual_seed(0)
    samm = SAMM(32, 8, 3, 8)
    z, s = torch.randn(2, 32, 4, 6), one_hot_map(torch.randint(0, 4, (2, 4, 6)), 3)
    chosen = samm(z, s, 0.25)
    assert chosen.kept.shape == (2, 6)
    assert (chosen.kept.diff(dim=1) > 0).all()
    for scores, kept in zip(chosen.scores, chosen.kept, strict=True):
        dropped = torch.ones(24, dtype=torch.bool).scatter(0, kept, False)
        assert scores[kept].min() >= scores[dropped].max()
    # the length of a kept vector is its score
    assert torch.allclose(chosen.vectors.norm(dim=2), chosen.scores.gather(1, chosen.kept))


def test_scores_learn_only_where_cells_were_kept() -> None:
    torch.manual_seed(0)
    samm = SAMM(32, 8, 3, 8)
    z, s = torch.randn(1, 32, 4, 6), one_hot_map(torch.randint(0, 4, (1, 4, 6)), 3)
    scores = []
    samm.score.register_forward_hook(lambda m, i, out: (out.retain_grad(), scores.append(out))[0])
    chosen = samm(z, s, 0.25)
    (chosen.vectors * torch.randn(8)).sum().backward()
    gradient = scores[0].grad.flatten()
    kept = torch.zeros(24, dtype=torch.bool).scatter(0, chosen.kept[0], True)
    assert (gradient[kept] != 0).all()
    assert (gradient[~kept] == 0).all()


def test_the_quantizer_takes_the_nearest_code_and_passes_the_gradient_straight() -> None:
    torch.manual_seed(0)
    vq = VectorQuantizer(16, 4).eval()
    vq.codebook.normal_()
    v = torch.randn(50, 4, requires_grad=True)
    q, index, commitment = vq(v)
    assert (index == torch.cdist(v, vq.codebook).argmin(1)).all()
    assert torch.allclose(q, vq.lookup(index))
    q.sum().backward()
    assert torch.equal(v.grad, torch.ones_like(v))
    assert commitment.item() == pytest.approx((v - q).square().sum(1).mean().item())


def test_the_codebook_follows_its_data_and_revives_dead_codes_even_in_small_batches() -> None:
    g = torch.Generator().manual_seed(0)
    far, near = torch.full((1, 4), 9.0), torch.randn(32, 4, generator=g)
    vq = VectorQuantizer(16, 4, decay=0.9).train()
    for data in (far, near):  # all codes lie at the first place when the second is shown
        for _ in range(200):
            v = data[torch.randint(len(data), (6,), generator=g)]
            vq(v + 0.01 * torch.randn(6, 4, generator=g), g)
    distance = torch.cdist(near, vq.codebook).min(dim=1).values
    assert distance.mean() < 0.7 * torch.cdist(near, near.mean(0)[None]).mean()
    assert vq.perplexity() > 8


def test_lost_codes_leave_the_mask_token() -> None:
    token = torch.tensor([7.0, 8.0])
    grid = scatter_codes(torch.ones(1, 1, 2), torch.tensor([[3]]), token, (2, 3))
    assert grid[0, :, 1, 0].tolist() == [1, 1]
    assert grid[0, :, 0, 0].tolist() == [7, 8]


def test_demasking_gives_masked_cells_a_voice_block_by_block() -> None:
    seen: list[float] = []
    adm = AdaptiveDemasking(4, 8, blocks=4).eval()
    for block in adm.blocks:
        block[1].register_forward_hook(lambda m, inputs, out: seen.append(float(inputs[1].min())))
    adm(torch.randn(1, 2, 4), torch.tensor([[0, 5]]), (2, 4))
    assert seen == pytest.approx([0.02, 0.02**0.5, 0.02**0.25, 0.02**0.125])


def test_a_key_of_weight_zero_is_not_heard() -> None:
    torch.manual_seed(0)
    attend = Attention(8).eval()
    x = torch.randn(1, 8, 2, 2)
    silent = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    attention_free = x + attend.out(torch.zeros_like(x))
    assert not torch.allclose(attend(x, silent), attend(x))
    assert torch.allclose(attend(x, torch.zeros(1, 4)), attention_free)


def test_void_is_a_zero_vector_and_thin_objects_fade_but_stay() -> None:
    label_map = torch.zeros(1, 32, 32, dtype=torch.long)
    label_map[:, :, 5] = 1
    label_map[:, 0] = 2
    one_hot = one_hot_map(label_map, 2)
    assert one_hot[0, :, 0].sum() == 0
    assert map_pyramid(one_hot)[4][0, 1, :, 0].min() > 0


@pytest.mark.parametrize("size", ["tiny", "compact"])
def test_both_paths_return_the_size_they_were_given(size: str) -> None:
    config = SIZES[size]
    image_path, map_path = ImagePath(config).eval(), MapPath(config).eval()
    x = torch.zeros(1, 3, 32, 64)
    s = one_hot_map(torch.zeros(1, 32, 64, dtype=torch.long), config.classes)
    with torch.no_grad():
        assert map_path(s, 0.5).output.shape == (1, config.classes, 32, 64)
        assert image_path(x, s, s, 0.5).output.shape == x.shape


def test_the_paper_size_has_the_published_widths() -> None:
    paper = SIZES["paper"]
    assert (paper.classes, paper.image.codes, paper.image.code_dim) == (19, 1024, 256)
    assert paper.image.widths == (128, 256, 256, 512)
    assert paper.image.demasking_blocks == 8


def test_the_generator_answers_to_the_decoded_map_and_not_to_the_true_one() -> None:
    torch.manual_seed(0)
    path = ImagePath(SIZES["tiny"]).eval()
    a = one_hot_map(torch.zeros(1, 32, 32, dtype=torch.long), 11)
    b = one_hot_map(torch.ones(1, 32, 32, dtype=torch.long), 11)
    cells, indices = torch.tensor([[0, 2]]), torch.tensor([[1, 1]])
    with torch.no_grad():
        first = path.decode(cells, indices, (2, 2), a)
        assert not torch.allclose(first, path.decode(cells, indices, (2, 2), b))
