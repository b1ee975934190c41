"""Convergence of a transfer."""

from nst.engine.optimizer.convergence import Convergence


def test_it_is_reached_when_the_loss_falls_by_less_than_the_share() -> None:
    convergence = Convergence(window=2, tolerance=0.1)
    reached = []
    for loss in (100.0, 80.0, 75.0, 73.0, 72.0):
        convergence.add(loss)
        reached.append(convergence.is_reached)
    assert reached == [False, False, False, True, True]  # 73 > 0.9 · 80, but 75 < 0.9 · 100


def test_a_loss_that_rises_counts_as_the_lowest_so_far() -> None:
    convergence = Convergence(window=1, tolerance=0.0)
    convergence.add(10.0)
    convergence.add(20.0)
    assert convergence.lowest == [10.0, 10.0]


def test_it_goes_on_from_what_it_needs_and_forgets_after_a_restart() -> None:
    convergence = Convergence(2, 0.1, lowest=[80.0, 75.0])
    convergence.add(73.0)
    assert convergence.is_reached
    convergence.restart()
    convergence.add(73.0)
    assert not convergence.is_reached
    assert convergence.lowest == [73.0]
