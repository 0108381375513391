"""The models of the zoo, one a file."""

from tfrec.models.retrieval import RetrievalModel
from tfrec.models.sequential.narm import NARM
from tfrec.models.sequential.sasrec import SASRec
from tfrec.models.sequential.shan import SHAN
from tfrec.models.sequential.stamp import STAMP

__all__ = ["NARM", "SHAN", "STAMP", "RetrievalModel", "SASRec"]
