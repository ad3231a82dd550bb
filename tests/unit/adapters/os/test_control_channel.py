"""Orders to workers that do not read them."""

from reply_milter.adapters.os.control_channel import ControlChannel


def test_a_worker_that_never_listens_is_noticed() -> None:
    """After some hundred reloads: the line is full, and never blocks the supervisor."""
    line = ControlChannel()
    taken = 0
    while line.send_settings(b"settings"):
        taken += 1
        assert taken < 5000
    assert taken > 100, "and one that is only slow is left alone"
    line.close()
