"""Every model of the zoo at a size for tests: what test_meaning.py walks."""

from tfrec import models

# name -> (class, arguments beside sizes)
VARIANTS = {
    "hstu": (models.HSTU, {"num_heads": 2}),
    "hstu-time": (models.HSTU, {"num_heads": 2, "use_timestamps": True}),
    "narm": (models.NARM, {}),
    "bert4rec": (models.BERT4Rec, {"num_heads": 2}),
    "comirec": (models.ComiRec, {"num_interests": 3}),
    "sasrec": (models.SASRec, {"num_heads": 2}),
    "sasrec-block-sparse": (models.SASRec, {"attention": {"class": "BlockSparseAttention", "block_size": 2}}),
    "sasrec-ligr": (models.SASRec, {"num_heads": 2, "block": "ligr"}),
    "sasrec-linear": (models.SASRec, {"attention": {"class": "LinearAttention", "chunk_size": 4}}),
    "sasrec-segments": (models.SASRec, {"attention": {"class": "SegmentRecurrentAttention", "segment_size": 4}}),
    "shan": (models.SHAN, {"short_term": 2}),
    "stamp": (models.STAMP, {}),
    "tisasrec": (models.TiSASRec, {"num_heads": 2}),
}
BIDIRECTIONAL = {"bert4rec"}  # what these learn at a position may come from later ones


def build(name, num_items=20, **kwargs):
    """The variant with sizes that a test can afford, or those given."""
    kind, arguments = VARIANTS[name]
    sizes = {"num_items": num_items, "max_length": 6, "hidden_dim": 8}
    return kind(**{**sizes, **arguments, **kwargs})
