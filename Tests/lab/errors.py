"""What can go wrong apart from inquest being wrong."""


class LabError(Exception):
    """The lab itself could not do something: a package, a guest, an agent. One line, for people."""


class GuestDied(LabError):
    """The guest is gone: it panicked, was reset, or powered off."""


class Unsupported(Exception):
    """This kernel cannot do what the scenario needs: skipped, with the reason."""
