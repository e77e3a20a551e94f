"""The saved state of a job: who may write it, when it is saved, how it is read, and what is refused."""

import os
import threading

import pytest

from jamming.storage import store
from jamming.training import checkpoint as checkpoints
from jamming.training.checkpoint import Checkpoint

RUN = {"seed": 1, "protocol": {"name": "hinge_adam_constant", "steps": 100}}


def with_steps(steps, **changes):
    return {**RUN, **changes, "protocol": {**RUN["protocol"], "steps": steps}}


def opened(folder, spec=RUN, **options):
    return Checkpoint(folder / "point.h5", spec, **options)


def test_what_was_saved_is_read_back_by_the_next_process(tmp_path):
    with opened(tmp_path) as first:
        assert first.load() is None
        first.save({"step": 3, "group": {"value": 0.5}})
    with opened(tmp_path) as second:
        assert second.load() == {"step": 3, "group": {"value": 0.5}}
        second.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_other_settings_is_refused_and_it_says_so(tmp_path):
    said = []
    with opened(tmp_path) as first:
        first.save({"step": 3})
    with opened(tmp_path, with_steps(100, seed=2), report=said.append) as second:
        assert second.load() is None
    assert len(said) == 1 and said[0].startswith("starting over") and "other settings or other code" in said[0]


def test_it_is_due_after_a_while_and_not_again_once_saved(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoints, "SAVE_EVERY_SECONDS", 30)
    with opened(tmp_path) as checkpoint:
        found = []
        for now[0] in (0, 29, 30, 45):
            found.append(checkpoint.is_due())
        assert found == [False, False, True, True]
        checkpoint.save({})
        assert not checkpoint.is_due()
        now[0] = 75
        assert checkpoint.is_due()


def test_the_second_process_waits_for_the_first_and_says_for_whom(tmp_path):
    said, entered = [], []
    first = opened(tmp_path).__enter__()

    def enter():
        with opened(tmp_path, report=said.append, poll_seconds=0.01) as second:
            entered.append(second.waited)

    waiting = threading.Thread(target=enter)
    waiting.start()
    while not said:
        waiting.join(0.01)
    assert not entered and said == [f"process {os.getpid()} works on .point.h5.resume already; waiting for it to end."]
    # The first one ends with its result: it removes the file of the lock that the second one waits for.
    first.remove()
    first.__exit__()
    waiting.join(10)
    assert entered == [True] and len(said) == 1


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    leftovers = [tmp_path / name for name in (".point.h5.x.tmp", "..point.h5.resume.x.tmp")]
    others = [tmp_path / name for name in (".point_2.h5.x.tmp", "point.h5.tmp")]
    for path in leftovers + others:
        path.touch()
    with opened(tmp_path):
        assert [path.exists() for path in leftovers + others] == [False, False, True, True]


@pytest.mark.parametrize(
    ("later", "is_taken"),
    [
        (with_steps(101), True),
        (with_steps(100), False),
        (with_steps(99), False),
        (with_steps(101, seed=2), False),
        ({**RUN, "protocol": {"name": "another", "steps": 101}}, False),
    ],
    ids=["longer", "as long", "shorter", "another seed", "another protocol"],
)
def test_a_longer_run_alone_takes_what_ended(tmp_path, later, is_taken):
    with opened(tmp_path) as first:
        first.keep_ended("replica_00", {"step": 100})
        first.remove()
    with opened(tmp_path, later) as second:
        assert second.load_ended("replica_00") == ({"step": 100} if is_taken else None)
        assert second.load_ended("replica_01") is None


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(store.StoreError, match=r"cannot write .*; make the folder writable"):
        opened(tmp_path / "file").__enter__()
