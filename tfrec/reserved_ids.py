"""The ids that stand for no item and no value: 0 is padding, 1 is out of vocabulary, the vocabulary begins at 2.

Tables, models and exports all take them from here; `tfrec.ops` offers them to users.
"""

PADDING_ID = 0
UNKNOWN_ID = 1
RESERVED_IDS = 2  # how many there are, and so the first id of a vocabulary
