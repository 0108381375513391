"""Reserved ids: 0 is padding, 1 is out of vocabulary, and the vocabulary starts at 2.

Tables, models and exports use these constants; `tfrec.ops` exports them for users.
"""

PADDING_ID = 0
UNKNOWN_ID = 1
RESERVED_IDS = 2  # their number, which is also the first id of a vocabulary
