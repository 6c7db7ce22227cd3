"""Learn: lessons with a picture, a prediction, and an experiment that decides it here."""

from optim.learning.lesson import Lesson, all_lessons, find_lesson

__all__ = ["Lesson", "all_lessons", "find_lesson"]
