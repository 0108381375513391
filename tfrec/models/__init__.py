"""The models of the zoo, one a file."""

from tfrec.models.hybrid.afm import AFM
from tfrec.models.hybrid.attention_matcher import AttentionMatcher
from tfrec.models.hybrid.autoint import AutoInt
from tfrec.models.hybrid.bst import BST
from tfrec.models.hybrid.dcnv2 import DCNv2
from tfrec.models.hybrid.deepfm import DeepFM
from tfrec.models.hybrid.dien import DIEN
from tfrec.models.hybrid.din import DIN
from tfrec.models.hybrid.expert_fusion import ExpertFusion
from tfrec.models.ranking import RankingModel
from tfrec.models.recommender import Recommender
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
    "AFM",
    "BST",
    "DIEN",
    "DIN",
    "HSTU",
    "NARM",
    "SHAN",
    "STAMP",
    "AttentionMatcher",
    "AutoInt",
    "BERT4Rec",
    "ComiRec",
    "DCNv2",
    "DeepFM",
    "ExpertFusion",
    "RankingModel",
    "Recommender",
    "RetrievalModel",
    "SASRec",
    "TiSASRec",
]
