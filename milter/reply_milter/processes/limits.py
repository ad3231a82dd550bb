"""Limits of the kernel (getrlimit(2)) that the supervisor sets for itself and for all its children."""

import resource


def raise_descriptor_limit() -> None:
    """Allow as many open files as the hard limit does: libmilter spins on a core when descriptors run out."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def forbid_core_dumps() -> None:
    """Forbid core dumps: a core would hold keys and people's mail.

    A limit of 0 keeps the kernel from writing a file, but not from handing the core to a program; one octet keeps it
    from both.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    most = 0 if hard == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
