"""The models of the zoo, one a file."""

from tfrec.models.retrieval import RetrievalModel
from tfrec.models.sequential.bert4rec import BERT4Rec
from tfrec.models.sequential.sasrec import SASRec

__all__ = ["BERT4Rec", "RetrievalModel", "SASRec"]
