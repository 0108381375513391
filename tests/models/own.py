"""Models as a user writes them: with a `call`, as a functional graph, and a ranking model."""

import keras
from keras import ops

from tfrec.layers import FeatureEmbedding
from tfrec.models import RankingModel, RetrievalModel
from tfrec.models.feature_inputs import feature_inputs


@keras.saving.register_keras_serializable("acme")
class MeanOfItems(RetrievalModel):
    """The query is the mean of the items of a history."""

    def __init__(self, num_items, max_length=50, hidden_dim=8, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_items = num_items
        self.max_length = max_length
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.items = keras.layers.Embedding(num_items + 2, hidden_dim, name="items")
        self.drop = keras.layers.Dropout(dropout)

    def call(self, inputs, training=None):
        history = inputs["history"]
        x = self.drop(self.items(history), training=training)
        weights = ops.cast(ops.expand_dims(history > 0, -1), x.dtype)
        return ops.cumsum(x * weights, axis=1) / ops.maximum(ops.cumsum(weights, axis=1), 1)

    def item_table(self):
        return self.items.embeddings


@keras.saving.register_keras_serializable("acme")
class NewestItem(RetrievalModel):
    """The query is a map of each item: a functional graph whose tensors have other names."""

    def __init__(self, num_items, width=8, **kwargs):
        history = keras.Input((None,), dtype="int32", name="history")
        table = keras.layers.Embedding(num_items + 2, width, name="table")
        super().__init__(inputs={"history": history}, outputs=keras.layers.Dense(width)(table(history)), **kwargs)
        self.num_items = num_items
        self.width = width
        self.table = table

    def item_table(self):
        return self.table.embeddings


@keras.saving.register_keras_serializable("acme")
class SumOfVectors(RankingModel):
    """The logit is a map of the sum of the features' vectors."""

    def __init__(self, features, width=4, task="click", **kwargs):
        inputs = feature_inputs(features)
        vectors = FeatureEmbedding(features, width, name="embedding")(inputs)
        flat = [vector for vector in vectors.values() if len(vector.shape) == 2]
        super().__init__(inputs, keras.layers.Dense(1)(keras.layers.add(flat)), task, **kwargs)
        self.features = [dict(feature) for feature in features]
        self.width = width
