"""Asynchronous jobs: lost by the vendor, lost by us, done out of order."""

import pytest
from engine_world import Person, World
from fakes.fake_crm import FakeCrm


@pytest.fixture
def world(home):
    with FakeCrm().serving() as crm:
        yield World(home, crm, "imports")


def test_a_job_that_the_vendor_forgets_is_submitted_again(world):
    world.have("c_1", "c_2", "c_3", "c_4")
    destination = world.destination()
    poll = destination.poll
    forgotten = []

    def forget_once(job, rows):
        if not forgotten:
            forgotten.append(job)
            del world.crm.imports[job]
        return poll(job, rows)

    destination.poll = forget_once
    world.apply(destination=destination)
    assert len(world.at_crm()) == 4 and forgotten


def test_an_older_job_whose_number_got_lost_cannot_overwrite_newer_rows(world):
    """The submission is committed and never answered; the run dies; the data changes before the job is
    done.
    """
    world.have("c_1")
    destination = world.destination()
    send = destination.send

    def commit_and_die(operation, rows):
        send(operation, rows)
        raise KeyboardInterrupt

    destination.send = commit_and_die
    with pytest.raises(KeyboardInterrupt):
        world.apply(destination=destination)
    world.crm.imports["j1"]["left"] = 25
    world.have(Person("c_1", city="Ulm"))
    world.apply()
    while world.crm.imports["j1"]["results"] is None:
        world.crm._work(world.crm.imports["j1"])
    assert world.at_crm() == {"c_1": "Ulm"}


def test_a_job_of_a_dead_run_is_polled_and_not_submitted_again(world):
    world.have("c_1", "c_2")
    destination = world.destination()
    destination.poll = lambda job, rows: (_ for _ in ()).throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.apply(destination=destination)
    assert world.apply().sent == {"upsert": 2}
    assert len(world.crm.imports) == 1


def test_rows_that_a_job_refuses_are_quarantined_alone(world):
    world.have("c_1", "c_2", "c_3")
    world.crm.refused_values = {"c_2@example.org"}
    result = world.apply()
    assert (result.sent, result.rejected) == ({"upsert": 2}, 1)
    assert world.apply().plan.quarantined == 1
