"""How many examples a property test draws."""

from hypothesis import settings

EVERY_DAY, IN_CI = 40, 100  # examples of a property test that states no number


def examples(every_day: int, **options: object) -> settings:
    """Settings of a property test that draws so many examples every day, and in CI more by the
    factor of a test that states no number. ``options``: of hypothesis's settings.
    """
    return settings(max_examples=every_day * settings.default.max_examples // EVERY_DAY, **options)
