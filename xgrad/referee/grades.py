"""To how many digits a derivative in balls meets the definition, and what is done with each."""

from __future__ import annotations

from dataclasses import dataclass

from xgrad.errors import digits_told


@dataclass(frozen=True)
class Grade:
    """From `least` digits on: whether the derivative is the truth itself, and what the row says.

    One that is not is judged by the definition; the last is wrong in every dtype.
    """

    least: float
    word: str
    certifies: bool
    says: str

    def told(self, who: str, digits: float, said: str = "") -> str:
        """What the row says of somebody's derivative; `said` follows the number of digits."""
        return self.says.format(who=who, digits=f"{digits_told(digits)}{said}")


_MEETS = "{who} agrees with the definition to {digits}"
CERTIFIED = Grade(40.0, "certified", True, "{who} in balls, {digits}")
AMPLE = Grade(
    25.0, "ample for float64", True, "{who} in balls, a truncated rule, ample for float64: {digits}"
)
APPROXIMATE = Grade(
    13.0,  # what constants rounded to float64 leave at least
    "float64 approximation inside",
    False,
    _MEETS + ": a float64 approximation or a loop's tolerance inside, judged by the definition",
)
REFUTED = Grade(0.0, "refuted", False, _MEETS)

GRADES = (CERTIFIED, AMPLE, APPROXIMATE, REFUTED)


def grade_of(digits: float) -> Grade:
    """The grade of so many digits; of an unknown number the last."""
    return next((grade for grade in GRADES if digits >= grade.least), REFUTED)
