"""Kill -9 at any moment, lost answers, 429 and 503: nothing lost, wrong, doubled or without consent."""

import pytest
from chaos import PHASES, STYLES, ChaosWorld
from fakes.fake_crm import FakeCrm
from fakes.fake_vendor import Chaos


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_lost_whatever_is_killed(home, style):
    chaos = Chaos(seed=11, lost=0.1, throttled=0.1, unavailable=0.1)
    with FakeCrm(chaos).serving() as crm:
        phases = tuple(phase for phase in PHASES if phase != "anytime")
        world = ChaosWorld(home, crm, style, seed=5, phases=phases)
        for _ in range(2):
            world.change()
            for _ in range(4):
                world.run_killed()
            world.finish()
            assert world.faults() == []
        assert world.kills >= 3 and crm.lost_answers > 0
