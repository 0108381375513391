"""Evaluate presets, exports and the list of one user on a table of rows."""

from tfrec.measure.held_back import Evaluation, evaluate
from tfrec.measure.served_lists import evaluate_export
from tfrec.measure.user_list import UserList, code_of, list_for_user

__all__ = ["Evaluation", "UserList", "code_of", "evaluate", "evaluate_export", "list_for_user"]
