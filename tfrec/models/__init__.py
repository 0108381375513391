"""The models of the zoo, one a file."""

from tfrec.models.retrieval import RetrievalModel
from tfrec.models.sequential.hstu import HSTU
from tfrec.models.sequential.sasrec import SASRec
from tfrec.models.sequential.tisasrec import TiSASRec

__all__ = [
    "HSTU",
    "RetrievalModel",
    "SASRec",
    "TiSASRec",
]
