"""What a training process with more open files than select() can name does."""

import os

from runwell.forwarder import spawn


def test_an_answer_is_received_by_a_descriptor_beyond_1024():
    """Data loaders and sockets of a large job take the low numbers; the end of a run is waited for all the same."""
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        with spawn._mailbox() as mailbox:
            assert mailbox.fileno() > 1_024
            assert spawn._receive(mailbox, 0.0) is None
            mailbox.sendto(b'{"durable": 3}', mailbox.getsockname())
            assert spawn._receive(mailbox, 5.0) == {"durable": 3}
    finally:
        for descriptor in taken:
            os.close(descriptor)
