"""What counts as busy: running, and waiting in the run queue for a processor."""

from itertools import count

from readiness_kit.harness.generator import guards


def busiest(monkeypatch, tmp_path, *, ran_s, waited_s, told=True):
    """Look once a second for six seconds, in each of which so much was run and waited."""
    file, steps = tmp_path / "schedstat", count()
    at = {"n": 0}

    def step():
        at["n"] = next(steps)
        if told:
            file.write_text(f"0 {int(at['n'] * waited_s * 1e9)} 1")

    monkeypatch.setattr(guards, "_SCHEDSTAT", file)
    monkeypatch.setattr(guards, "perf_counter", lambda: float(at["n"]))
    monkeypatch.setattr(guards, "process_time", lambda: at["n"] * ran_s)
    step()
    processor = guards.Processor()
    for _ in range(6):
        step()
        processor.look()
    return round(processor.busiest, 6)


def test_waiting_for_a_processor_counts_like_using_it(monkeypatch, tmp_path):
    assert busiest(monkeypatch, tmp_path, ran_s=0.7, waited_s=0.28) == 0.98


def test_where_the_kernel_does_not_tell_only_running_counts(monkeypatch, tmp_path):
    assert busiest(monkeypatch, tmp_path, ran_s=0.7, waited_s=0.28, told=False) == 0.7
