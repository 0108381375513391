"""What is inside an export: from raw ids to ranked raw ids, as TensorFlow graphs."""

from tfrec.serving.graph.retrieval import RetrievalModule

__all__ = ["RetrievalModule"]
