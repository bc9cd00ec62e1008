"""The cache, the journal, the budget, and the processes among whom trials are handed out."""

import threading
from dataclasses import replace

import pytest

from fivefold.core import ArtifactError, Budget, FivefoldError
from fivefold.tasks.images.design.evolution import evolve
from fivefold.tasks.images.design.genome import Genome
from fivefold.tasks.images.design.journal import Journal
from fivefold.tasks.images.design.parallel import Team
from fivefold.tasks.images.design.presets import scaled
from fivefold.tasks.images.design.trial import Candidate, Ending, Trial
from fivefold.tasks.images.design.trials import Trials
from fivefold.tasks.images.design.variation import Child

SPACE = scaled(28, 28, pictures=5000, seconds=60.0)


def candidate(key):
    genome = Genome.from_key(key)
    return Candidate(Child(genome, (None,) * len(genome.units)))


def test_what_was_tried_is_not_trained_again(Landscape):
    fitness = Landscape()
    book = Trials(fitness, Journal(None, {}), Budget(steps=9))
    assert book.judge([candidate("D:4:1"), candidate("D:8:1"), candidate("D:4:1")], 0.0)
    assert book.judge([candidate("D:8:1"), candidate("D:4:1")], 0.0)
    assert fitness.asked == ["D:4:1", "D:8:1"]
    assert len(book.history) == 2


def test_what_was_lightened_counts_as_tried_under_both_keys():
    def lightened(candidate, bars, tried):
        return Trial("D:4:1", candidate.key, 0, (), "", Ending.TRAINED, "", 0.5, (0.5,))

    book = Trials(lightened, Journal(None, {}), Budget(steps=9))
    book.judge([candidate("D:8:3"), candidate("D:4:1")], 0.0)
    assert len(book.history) == 1
    assert set(book.tried) == {"D:8:3", "D:4:1"}


def test_a_search_that_lightened_goes_on_to_the_same_history(tmp_path):
    def lightened(candidate, bars, tried):
        key = "D:4:1" if candidate.key == "D:8:3" else candidate.key
        return Trial(key, candidate.key, 0, (), "", Ending.TRAINED, "", 0.5, (0.5,))

    asked = [candidate("D:8:3"), candidate("D:4:1"), candidate("D:8:1")]
    first = Trials(lightened, Journal(tmp_path, {}), Budget(steps=9))
    assert first.judge(asked, 0.0)
    assert [trial.asked for trial in first.history] == ["D:8:3", "D:8:1"]
    again = Trials(lightened, Journal(tmp_path, {}), Budget(steps=9))
    assert again.judge([*asked, candidate("D:8:2")], 0.0)
    assert [trial.asked for trial in again.history] == ["D:8:3", "D:8:1", "D:8:2"]


def test_seconds_are_obeyed_within_one_trial_and_count_earlier_runs(tmp_path, Landscape):
    clock = [0.0]

    class Slow(Landscape):
        def __call__(self, *asked):
            clock[0] += 10.0
            return super().__call__(*asked)

    keys = [candidate(f"D:8:{n}") for n in range(1, 9)]

    def go_on(seconds):
        book = Trials(Slow(), Journal(tmp_path, {}), Budget(seconds=seconds), now=lambda: clock[0])
        whole = book.judge(keys, 0.0)
        return whole, len(book.history), book.elapsed

    assert go_on(25.0) == (False, 3, 30.0)
    assert go_on(25.0) == (False, 3, 30.0)
    assert go_on(45.0) == (False, 5, 50.0)
    assert go_on(500.0) == (True, 8, 80.0)


def ended(folder, seconds, clock, killed=None):
    """A search of trials of 10 s, and the longer trainings at its end, which turn the order around."""
    longer = []

    def short(candidate, bars, tried):
        clock[0] += 10.0
        value = float(candidate.key[-1]) / 10
        return Trial(candidate.key, candidate.key, 0, (), "", Ending.TRAINED, "", value, seconds=10.0)

    def train(trial, seconds):
        if len(longer) == killed:
            raise KeyboardInterrupt
        clock[0] += seconds
        longer.append((trial.key, seconds))
        return replace(trial, accuracy=1 - trial.accuracy, final=True, seconds=seconds)

    journal = Journal(folder, {})
    book = Trials(short, journal, Budget(seconds=seconds), kept_back=0.5, now=lambda: clock[0])
    book.judge([candidate(f"D:8:{n}") for n in (1, 5, 3, 2, 4)], 0.0)
    return book, book.again(2, train), longer


def test_the_best_few_are_trained_again_in_equal_parts_of_what_is_left(tmp_path):
    book, found, longer = ended(tmp_path, 80.0, [0.0])
    assert len(book.history) == 4  # half of the 80 s
    assert longer == [("D:8:5", 20.0), ("D:8:3", 20.0)]
    assert [each.accuracy for each in found] == [0.5, 0.7]
    assert book.elapsed == 80.0
    assert [each.final for each in Journal(tmp_path, {}).trials] == [False] * 4 + [True] * 2


def test_longer_trainings_go_on_from_the_journal_and_begin_anew_after_new_trials(tmp_path):
    clock = [0.0]
    with pytest.raises(KeyboardInterrupt):
        ended(tmp_path, 80.0, clock, killed=1)
    clock[0] = 0.0
    _, found, longer = ended(tmp_path, 80.0, clock)
    assert longer == [("D:8:3", 20.0)]
    assert [each.key for each in found] == ["D:8:5", "D:8:3"]
    assert Trials(None, Journal(tmp_path, {}), Budget(steps=9)).finals == {"D:8:5", "D:8:3"}
    _, again, longer = ended(tmp_path, 80.0, clock)
    assert (again, longer) == (found, [])
    book, _, longer = ended(tmp_path, 250.0, clock)
    assert len(book.history) == 5
    assert [key for key, _ in longer] == ["D:8:5", "D:8:4"]


def test_no_part_is_shorter_than_the_first_training(tmp_path):
    assert ended(None, 45.0, [0.0])[1:] == ([], [])  # 30 s are spent, and two parts of 7.5 s are left
    assert len(ended(None, 50.0, [0.0])[1]) == 2
    assert Trials(None, Journal(None, {}), Budget(steps=3)).again(2, None) == []


@pytest.mark.parametrize("killed", [1, 11, 24, 37])
def test_a_killed_search_goes_on_to_the_same_history(tmp_path, killed, Landscape):
    """A fitness that raises at one of its calls stands for the kill; the last line is cut short as well."""

    class Killed(Landscape):
        def __call__(self, *asked):
            if len(self.asked) == killed:
                raise KeyboardInterrupt
            return super().__call__(*asked)

    def search(fitness, folder):
        book = Trials(fitness, Journal(folder, {"seed": 1}), Budget(steps=50), now=lambda: 0.0)
        evolve(book, SPACE, population=8, seed=1)
        return book.history

    undisturbed = search(Landscape(), None)
    with pytest.raises(KeyboardInterrupt):
        search(Killed(), tmp_path)
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"key":"R:bas')
    rest = Landscape()
    assert search(rest, tmp_path) == undisturbed
    assert len(rest.asked) == 50 - killed
    again = Landscape()
    assert search(again, tmp_path) == undisturbed
    assert again.asked == []


def test_the_journal_of_another_question_is_refused(tmp_path, Landscape):
    Trials(Landscape(), Journal(tmp_path, {}), Budget(steps=9)).judge([candidate("D:4:1")], 0.0)
    book = Trials(Landscape(), Journal(tmp_path, {}), Budget(steps=9))
    with pytest.raises(ArtifactError, match="a trial of D:4:2 in the journal; got D:4:1"):
        book.judge([candidate("D:4:2")], 0.0)


class Threads(Team):
    """Ranks as threads that meet at a barrier, so that a search of several can be tested in one process."""

    def __init__(self, rank, size, meeting, table):
        super().__init__(rank, size)
        object.__setattr__(self, "meeting", meeting)
        object.__setattr__(self, "table", table)

    def gather(self, value):
        self.table[self.rank] = value
        self.meeting.wait(30)
        found = list(self.table)
        self.meeting.wait(30)
        return found


def together(size, make_fitness, folder, steps=40):
    meeting, table = threading.Barrier(size), [None] * size
    ends = [None] * size

    def work(rank):
        journal = Journal(folder if rank == 0 else None, {})
        together = Threads(rank, size, meeting, table)
        budget = Budget(steps=steps)
        book = Trials(make_fitness(rank), journal, budget, team=together, now=lambda: 0.0)
        try:
            evolve(book, SPACE, population=8, seed=1, stop_share=0.0)
            ends[rank] = [each.to_record() for each in book.history]
        except FivefoldError as error:
            ends[rank] = str(error)

    workers = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return ends


def test_several_processes_share_the_work_and_come_to_the_same_history(tmp_path, Landscape):
    fitnesses = [Landscape() for _ in range(3)]
    ends = together(3, lambda rank: fitnesses[rank], tmp_path)
    alone = Trials(Landscape(), Journal(None, {}), Budget(steps=40), now=lambda: 0.0)
    evolve(alone, SPACE, population=8, seed=1, stop_share=0.0)
    expected = [each.to_record() for each in alone.history]
    assert ends[0] == ends[1] == ends[2] == expected
    assert len(expected) == 40
    # five generations of eight, handed out as 3, 3 and 2
    assert [len(each.asked) for each in fitnesses] == [15, 15, 10]
    assert [each.to_record() for each in Journal(tmp_path, {}).trials] == expected


def test_a_trial_that_fails_on_one_process_ends_all(tmp_path, Landscape):
    class Broken(Landscape):
        def __call__(self, *asked):
            raise RuntimeError("out of everything")

    ends = together(2, lambda rank: Broken() if rank else Landscape(), tmp_path)
    assert all("on rank 1: RuntimeError: out of everything" in end for end in ends)


def test_each_new_trial_is_told(Landscape):
    told = []
    book = Trials(Landscape(), Journal(None, {}), Budget(steps=9), progress=told.append)
    book.judge([candidate("D:4:1"), candidate("D:8:1")], 0.0)
    assert [each.key for each in told] == ["D:4:1", "D:8:1"]
    assert told == book.history
