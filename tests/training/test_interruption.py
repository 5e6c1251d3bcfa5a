from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from vggsweep.training.interruption import SIGNALS, EarlySignal, stop_on_signals


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_the_second_stops(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        assert not stop.is_set
        send(number)
        assert stop.is_set
        assert stop.signal_name == number.name
        with pytest.raises(KeyboardInterrupt):
            send(number)


def test_a_second_signal_of_the_other_kind_stops_too() -> None:
    with stop_on_signals() as stop:
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert stop.signal_name == "SIGTERM"


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signals():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_handlers_are_put_back_after_an_error() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ValueError, match="inside"), stop_on_signals():
        raise ValueError("inside")
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_outside_the_main_thread_the_request_stays_unset() -> None:
    seen = []

    def work() -> None:
        with stop_on_signals() as stop:
            seen.append(stop.is_set)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_python_lost_is_no_signal_lost(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Ends:
        def __del__(self) -> None:
            send(number)  # what the handler raises in here is printed by Python and forgotten

    before = {one: signal.getsignal(one) for one in SIGNALS}
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    try:
        EarlySignal().install()
        thing = Ends()
        del thing
        with pytest.raises(KeyboardInterrupt), stop_on_signals():
            pytest.fail("the training begins")
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert "KeyboardInterrupt" not in capsys.readouterr().err
