"""The models of the zoo, one a file."""

from tfrec.models.collaborative.biased_mf import BiasedMF
from tfrec.models.collaborative.delf import DELF
from tfrec.models.collaborative.light_gcn import LightGCN
from tfrec.models.collaborative.matrix_factorization import MatrixFactorization
from tfrec.models.collaborative.nais import NAIS
from tfrec.models.collaborative.neumf import NeuMF
from tfrec.models.collaborative.two_tower import TwoTower
from tfrec.models.hybrid.attention_matcher import AttentionMatcher
from tfrec.models.hybrid.expert_fusion import ExpertFusion
from tfrec.models.ranking.afm import AFM
from tfrec.models.ranking.autoint import AutoInt
from tfrec.models.ranking.bst import BST
from tfrec.models.ranking.dcnv2 import DCNv2
from tfrec.models.ranking.deepfm import DeepFM
from tfrec.models.ranking.dien import DIEN
from tfrec.models.ranking.din import DIN
from tfrec.models.ranking_model import RankingModel
from tfrec.models.recommender import Recommender
from tfrec.models.retrieval_model import RetrievalModel
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
    "DELF",
    "DIEN",
    "DIN",
    "HSTU",
    "NAIS",
    "NARM",
    "SHAN",
    "STAMP",
    "AttentionMatcher",
    "AutoInt",
    "BERT4Rec",
    "BiasedMF",
    "ComiRec",
    "DCNv2",
    "DeepFM",
    "ExpertFusion",
    "LightGCN",
    "MatrixFactorization",
    "NeuMF",
    "RankingModel",
    "Recommender",
    "RetrievalModel",
    "SASRec",
    "TiSASRec",
    "TwoTower",
]
