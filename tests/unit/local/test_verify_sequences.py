"""The log is read as consumers read it: repeats are dropped, gaps are noted."""

from __future__ import annotations

from local.verify.sequences import Sequences


def read(sequences: Sequences, *stamps: str, writer: str = "intake.threader") -> list[bool]:
    return [
        sequences.is_new(
            partition="t/0",
            place=f"t/0/{number}",
            headers={"sb_writer": writer.encode(), "sb_shard": b"3", "sb_seq": stamp.encode()},
        )
        for number, stamp in enumerate(stamps)
    ]


def test_a_batch_that_was_published_again_counts_once() -> None:
    sequences = Sequences()
    assert read(sequences, "0.1", "0.2", "0.1", "0.2", "0.3") == [True, True, False, False, True]
    assert not sequences.breaks


def test_a_gap_is_noted_with_its_place() -> None:
    sequences = Sequences()
    assert read(sequences, "0.1", "0.3") == [True, True]
    [found] = sequences.breaks
    assert (found.place, found.expected, found.found) == ("t/0/1", 2, 3)


def test_writers_are_told_apart_and_a_shortened_log_may_begin_anywhere() -> None:
    sequences = Sequences()
    read(sequences, "0.41", "0.42")
    read(sequences, "0.7", writer="routing.triage")
    assert not sequences.breaks


def test_a_restored_writer_begins_a_new_incarnation() -> None:
    sequences = Sequences()
    assert read(sequences, "0.5", "1.1", "0.6") == [True, True, False]
    assert not sequences.breaks


def test_records_without_a_stamp_are_never_dropped() -> None:
    sequences = Sequences()
    assert [sequences.is_new(partition="t/0", place="p", headers={}) for _ in range(2)] == [
        True,
        True,
    ]
