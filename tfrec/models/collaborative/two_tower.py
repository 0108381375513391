"""Two towers: a vector of the user, a vector of the item, and their inner product."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.errors import InputError
from tfrec.layers import CandidateAttention, FeatureEmbedding, FeatureTables, HideIds, ItemTower, Tower
from tfrec.layers.feature_tables import is_given
from tfrec.losses import InBatchSoftmax, ItemLoss
from tfrec.models.feature_inputs import check_features, features_in_groups
from tfrec.models.retrieval_model import RetrievalModel
from tfrec.ops import PADDING_ID, RESERVED_IDS, UNKNOWN_ID, check_sizes, is_item


@keras.saving.register_keras_serializable(package="tfrec")
class TwoTower(RetrievalModel):
    """A tower for users and one for items, trained so that a user's vector is close to those of the user's items.

    ```
    user = UserTower([P[u], features of u, attention of (P[u] + features) over the history])
    item = Tower([E[i], features of i])
    score(u, i) = (user / |user|) . (item / |item|) / temperature        without | | if `normalize` is False
    ```

    Both towers are `tfrec.layers.Tower`: the sum of their parts, and a network over all parts. Features are
    categorical, numeric, multi-valued, or vectors such as those of a text encoder. `take_features(spec)` stores the
    features of all users and items with the weights, so data, evaluation and requests need only ids. A request may
    also contain features of the user, as inputs with the names of the features. They are used for users who are not in
    the training data; for known users they replace the stored features.

    Train it with `InBatchSoftmax(spec.item_counts)`: each step computes only the vectors of the items in the batch.
    `FullSoftmax` and `SampledSoftmax` work too, but compute the vectors of all items in each step, which is practical
    for catalogues of a few thousand items. `fit` ends with `fold_items()`, which writes the item vectors into a table;
    evaluation, presets and indexes read this table. Your own training loop must call `begin_training` before and
    `finish_training` after, as `tfrec.training.train` does.

    Recommendations for a known user are based on id, features and history; for an unknown user, on the history and the
    features of the request, or on one of them; without both, on popularity. Training covers all these cases: in a
    share of the rows (`unseen_rate`) the user id is hidden, and in half of these the user features too. In equal shares
    the history or the item id is hidden. For an item that has only features, the vector is computed from them; see
    `tfrec export --add`.

    The order of a history is not read.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        num_users: number of users; ids as for items.
        max_length: number of the newest items of a user that are read, L.
        features: descriptions of features of users and items: `spec.model_features()`. The item id is always a feature.
        hidden_dim: D, width of all vectors.
        num_heads: heads of the attention over the history.
        hidden_dims: widths of the dense layers of each tower's network; [] uses only the sums.
        normalize: whether scores are cosines, divided by the temperature.
        temperature: positive number that scores are divided by; 1.0 suits `normalize=False`.
        dropout: rate on the parts of both towers and in their networks.
        unseen_rate: share of the training rows in which the user id is hidden; the same for the history and the item
            id.
        seed: seed of the initial weights, dropout, hidden ids, and the negatives that losses draw.

    Shapes:
        `{"user": (B,) int, "history": (B, L) int}`, and any feature of users; output (B, D).

    Raises:
        ValueError: if an argument is invalid.

    Reference:
        Covington, Adams and Sargin, "Deep Neural Networks for YouTube Recommendations", RecSys 2016. Yi et al.,
        "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019. In both the
        towers are networks only; here a network is added to a sum.

    Example:
        >>> import numpy as np
        >>> from tfrec import losses
        >>> age = {"name": "age", "kind": "numeric", "group": "user"}
        >>> model = TwoTower(num_items=100, num_users=20, max_length=5, features=[age], hidden_dim=16)
        >>> model.compile("adam", losses.InBatchSoftmax())
        >>> known = model.score({"user": np.array([5])})  # a user of the training data
        >>> other = model.score({"history": np.array([[0, 7]]), "age": np.array([0.3], "float32")})
        >>> known.shape, other.shape
        (TensorShape([1, 102]), TensorShape([1, 102]))
    """

    objective = "user-item"

    def __init__(
        self,
        num_items: int,
        num_users: int,
        max_length: int = 50,
        features: Sequence[Mapping[str, Any]] = (),
        hidden_dim: int = 64,
        num_heads: int = 1,
        hidden_dims: Sequence[int] = (128,),
        normalize: bool = True,
        temperature: float = 0.1,
        dropout: float = 0.0,
        unseen_rate: float = 0.1,
        seed: int | None = None,
        dtype: Any = None,
        name: str = "twotower",
        **kwargs: Any,
    ) -> None:
        sizes = check_sizes(
            num_items=num_items, num_users=num_users, max_length=max_length, hidden_dim=hidden_dim, num_heads=num_heads
        )
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature must be a positive number, got {temperature!r}.")
        if not 0 <= unseen_rate < 1:
            raise ValueError(f"unseen_rate must be at least 0 and below 1, got {unseen_rate!r}.")
        described = [feature for feature in check_features(features) if feature["name"] != "item"]
        wrong = [feature["name"] for feature in described if feature["group"] not in ("user", "item")]
        if wrong:
            raise ValueError(f"TwoTower reads features of users and items: '{wrong[0]}' belongs to neither.")
        super().__init__(seed=seed, dtype=dtype, name=name, **kwargs)
        self.num_items, self.num_users, self.max_length, self.hidden_dim, self.num_heads = sizes
        self.features = described
        self.hidden_dims = list(hidden_dims)
        self.normalize, self.temperature, self.dropout, self.unseen_rate = normalize, temperature, dropout, unseen_rate
        self._of_users = features_in_groups(described, "user")

        # === Layers ===
        policy, rows = self.dtype_policy, self.num_users + RESERVED_IDS
        seeds = [None if seed is None else seed + 7907 * place for place in range(9)]
        normal = keras.initializers.RandomNormal
        self.users = keras.layers.Embedding(rows, hidden_dim, normal(0, 0.05, seeds[0]), dtype=policy, name="users")
        self.history_items = keras.layers.Embedding(
            num_items + RESERVED_IDS, hidden_dim, normal(0, 0.05, seeds[1]), dtype=policy, name="history_items"
        )
        self.user_tables = FeatureTables(self._of_users, rows, dtype=policy, name="user_tables")
        self.user_embedding = FeatureEmbedding(
            self._of_users, hidden_dim, seed=seeds[2], dtype=policy, name="user_embedding"
        )
        self.pooling = CandidateAttention(num_heads, seed=seeds[3], dtype=policy, name="pooling")
        self.user_tower = Tower(hidden_dims, dropout, normalize, seeds[4], dtype=policy, name="user_tower")
        self.hide_user = HideIds(unseen_rate, UNKNOWN_ID, seeds[6], name="hide_user")
        self.hide_features = HideIds(0.5, UNKNOWN_ID, seeds[7], name="hide_features")  # of hidden users
        self.hide_history = HideIds(unseen_rate, PADDING_ID, seeds[8], name="hide_history")
        self.item_tower = ItemTower(
            num_items + RESERVED_IDS,
            features_in_groups(described, "item"),
            hidden_dim,
            hidden_dims,
            dropout,
            normalize,
            unseen_rate,
            seeds[5],
            dtype=policy,
            name="item_tower",
        )
        for table in (self.users, self.history_items):
            table.build((None,))
        self.user_tables.build()
        self.user_embedding.build()
        self.user_embedding.built = True
        self.pooling.build((None, hidden_dim), (None, None, hidden_dim), (None, None))
        self.user_tower.build([(None, hidden_dim)] * (2 + len(self._of_users)))
        self.item_tower.build()
        self.attention_axes = {"history": ["head", "history"]}
        self._has_features, self._is_fitting = not described, False
        self.built = True

    @property
    def input_names(self) -> tuple[str, ...]:
        """The user's id and history."""
        return ("user", "history")

    @property
    def optional_inputs(self) -> tuple[str, ...]:
        """The features of users, which a request may contain."""
        return tuple(feature["name"] for feature in self._of_users)

    @property
    def items(self) -> keras.layers.Layer:
        """The table of the item vectors, up to date after `fold_items`."""
        return self.item_tower.items

    @property
    def unserved_weights(self) -> list[Any]:
        """The weights of the item tower: an export has its table instead."""
        served = {id(weight) for weight in self.items.weights}
        return [weight for weight in self.item_tower.weights if id(weight) not in served]

    def id_sizes(self) -> dict[str, int]:
        return {**super().id_sizes(), **{one["name"]: one["size"] for one in self._of_users if "size" in one}}

    # === Features ===

    def take_features(self, spec: Any) -> None:
        """Take the features of all known users and items.

        Args:
            spec: a `tfrec.data.FeatureSpec` that was fitted with features.

        Raises:
            InputError: if the spec does not fit the model.
        """
        spec.check_fits(self)
        self.user_tables.assign(spec.user_features)
        self.item_tower.tables.assign(spec.item_features)
        self.item_tower.unfold()
        self._has_features = True

    def start_items(self, spec: Any, item_ids: np.ndarray) -> None:
        """Compute the vectors of new items from their features.

        Args:
            spec: a spec with the features of all items.
            item_ids: (N,) ids of the new items.
        """
        self.item_tower.tables.assign(spec.item_features)
        self.item_tower.start(item_ids)

    # === Towers ===

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        users, history = inputs["user"], ops.cast(inputs["history"], "int32")[:, -self.max_length :]
        history = self.hide_history(history, training=training)
        shown = self.hide_user(users, training=training)
        vectors = [self.users(shown)]
        if self._of_users:
            named = ops.where(ops.equal(shown, users), users, self.hide_features(users, training=training))
            stored = self.user_tables(named)
            vectors += self.user_embedding(self._with_given(stored, inputs)).values()
        pooled = self.pooling(sum(vectors), self.history_items(history), is_item(history), training=training)
        return self.user_tower([*vectors, pooled], training=training) / self.temperature

    def item_vectors(self, item_ids: Any, training: bool | None = None) -> Any:
        """The vectors of items, (B,) ids to (B, D), computed from ids and features."""
        return self.item_tower(item_ids, training=training)

    def item_table(self) -> Any:
        """The vectors of all items, (num_items + 2, D)."""
        return self.item_tower.all_rows()

    def is_known(self, inputs: Mapping[str, Any]) -> Any:
        """Whether a row has a known user, a known item in its history, or a given feature of the user, (B,) bool."""
        found = super().is_known(inputs)
        for feature in self._of_users:
            if feature["name"] in inputs:
                found = ops.logical_or(found, is_given(feature, inputs[feature["name"]]))
        return found

    def _with_given(self, stored: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Stored features, replaced by those of the request."""
        found = dict(stored)
        for feature in self._of_users:
            name = feature["name"]
            if name in inputs:
                values = ops.cast(inputs[name], stored[name].dtype)
                given = is_given(feature, values)
                given = ops.expand_dims(given, -1) if len(values.shape) > 1 else given
                found[name] = ops.where(given, values, stored[name])
        return found

    def _query_inputs(self, inputs: Any) -> Any:
        if isinstance(inputs, Mapping) and not {"user", "history"} & set(inputs):  # features alone
            rows = next((ops.shape(inputs[name])[0] for name in self.optional_inputs if name in inputs), None)
            inputs = inputs if rows is None else {**inputs, "user": np.full(rows, UNKNOWN_ID, "int32")}
        return super()._query_inputs(inputs)

    # === Training ===

    def begin_training(self, pairs: np.ndarray) -> None:
        """Compute item vectors with the tower again."""
        self.item_tower.unfold()

    def finish_training(self, pairs: np.ndarray) -> None:
        """Write the vectors of all items into the table."""
        self.fold_items()

    def fold_items(self) -> None:
        """Write the vectors of all items into the table, in chunks; does nothing if nothing was trained since."""
        self.item_tower.fold()

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; then the item vectors are written into their table."""
        if not self._has_features:
            raise InputError(
                "The model has features, but not their values: call take_features(spec) before fit, with the spec "
                "that the features come from."
            )
        self._is_fitting = True
        try:
            history = super().fit(*args, **kwargs)
        finally:
            self._is_fitting = False
        self.fold_items()
        return history

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; the item vectors are computed once before."""
        was_folded = self.item_tower.is_folded
        self.item_tower.fold()
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            if not was_folded:
                self.item_tower.unfold()

    def make_train_function(self, force: bool = False) -> None:
        """As in Keras; training changes the towers, so the table is out of date from now on."""
        self.item_tower.unfold()
        super().make_train_function(force)

    def get_weights(self) -> list[Any]:
        """As in Keras, with a table of item vectors that is up to date."""
        self.item_tower.write()
        return super().get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """As in Keras; the weights contain the table of item vectors and the features."""
        super().set_weights(weights)
        self._has_features = True
        if not self._is_fitting:
            self.item_tower.mark_folded()

    def load_own_variables(self, store: Any) -> None:
        """As in Keras; saved weights contain the features."""
        super().load_own_variables(store)
        self._has_features = True

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """As in Keras; the table of item vectors is written first."""
        self.fold_items()
        super().quantize(*args, **kwargs)

    def _loss_items(self, loss: ItemLoss, training: bool) -> Any:
        if loss.reads_table:
            return self.item_tower.all_rows(training=training)
        if isinstance(loss, InBatchSoftmax):
            loss.check_items(self.num_items)
        return lambda item_ids: self.item_vectors(item_ids, training=training)
