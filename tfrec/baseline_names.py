"""The names of all baselines, for what must not import `tfrec.evaluation`, which takes seconds."""

RETRIEVAL_BASELINES = ("popularity", "item-to-item", "user-knn", "graph-filter", "ease", "ials")
LABEL_BASELINES = ("mean", "biases")
