"""The models of the zoo, one a file."""

from tfrec.models.hybrid.attention_matcher import AttentionMatcher
from tfrec.models.hybrid.deepfm import DeepFM
from tfrec.models.hybrid.expert_fusion import ExpertFusion
from tfrec.models.ranking import RankingModel
from tfrec.models.retrieval import RetrievalModel
from tfrec.models.sequential.bert4rec import BERT4Rec
from tfrec.models.sequential.comirec import ComiRec
from tfrec.models.sequential.hstu import HSTU
from tfrec.models.sequential.narm import NARM
from tfrec.models.sequential.sasrec import SASRec
from tfrec.models.sequential.shan import SHAN
from tfrec.models.sequential.stamp import STAMP
from tfrec.models.sequential.tisasrec import TiSASRec

__all__ = [
    "HSTU",
    "NARM",
    "SHAN",
    "STAMP",
    "AttentionMatcher",
    "BERT4Rec",
    "ComiRec",
    "DeepFM",
    "ExpertFusion",
    "RankingModel",
    "RetrievalModel",
    "SASRec",
    "TiSASRec",
]
