"""The rule for steps of one lane: plain calls count up, a greater step is taken, a smaller one is refused."""


class StepCursor:
    """Where the next plain ``log()`` of a lane goes. ``strict=False`` lets a smaller step through and leaves the cursor."""

    __slots__ = ("step", "strict")

    def __init__(self, step: int = 0, *, strict: bool = True) -> None:
        self.step = step
        self.strict = strict

    def resolve(self, step: int | None, commit: bool | None) -> tuple[int, bool]:
        """The row's step and whether it is refused; moves the cursor on.

        A row given a step stays open for more values of the same step unless it is committed; a plain one is
        committed unless ``commit`` is false. A refused row keeps the step that was asked for and moves nothing.
        """
        if step is None:
            step = self.step
            committed = commit is not False
        elif step < self.step:
            return step, self.strict
        else:
            committed = commit is True
        self.step = step + committed
        return step, False
