"""The average of iterates against its formula."""

import pytest
import torch

from nst.engine.optimizer.average import Average

ITERATES = list(torch.randn((12, 5), generator=torch.Generator().manual_seed(0)))


def by_hand(iterates: list[torch.Tensor], decay: float) -> torch.Tensor:
    """Compute [Kingma14] §7.2: mₜ = βmₜ₋₁ + (1 − β)xₜ, divided by 1 − βᵗ."""
    total = torch.zeros_like(iterates[0], dtype=torch.float64)
    for x in iterates:
        total = decay * total + (1 - decay) * x
    return total / (1 - decay ** len(iterates))


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_it_is_the_formula_after_every_step(decay: float) -> None:
    average = Average(decay)
    for n, x in enumerate(ITERATES, start=1):
        torch.testing.assert_close(average.of(x).double(), by_hand(ITERATES[:n], decay))


def test_without_a_decay_it_is_the_iterate_itself() -> None:
    average = Average(0.0)
    assert all(average.of(x) is x for x in ITERATES)
    assert average.mean is None


def test_an_average_that_was_given_out_does_not_change() -> None:
    average = Average(0.9)
    given = [average.of(x) for x in ITERATES]
    kept = [mean.clone() for mean in given]
    average.of(ITERATES[0])
    assert all(torch.equal(*pair) for pair in zip(given, kept, strict=True))


def test_it_goes_on_from_its_state_to_the_bit() -> None:
    whole, first = Average(0.9), Average(0.9)
    for x in ITERATES[:7]:
        whole.of(x)
        first.of(x)
    second = Average.from_state(0.9, first.state().vectors, first.state().numbers)
    for x in ITERATES[7:]:
        assert torch.equal(whole.of(x), second.of(x))


def test_after_a_restart_what_was_before_does_not_count() -> None:
    average = Average(0.9)
    average.of(ITERATES[0])
    average.restart()
    assert average.state().vectors == {}
    assert torch.equal(average.of(ITERATES[1]), ITERATES[1])
