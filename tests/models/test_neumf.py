"""NeuMF equals its formula, can be initialised with its two parts, and accepts only sampled losses."""

import numpy as np
import pytest
from keras import ops
from small_users import made

from tfrec.losses import FullSoftmax
from tfrec.models import NeuMF


def by_hand(model, user, item):
    """The formula of the paper for one pair, in NumPy."""
    weights = {weight.path: ops.convert_to_numpy(weight) for weight in model.weights}

    def of(name):
        return next(value for path, value in weights.items() if path.endswith(name))

    p, q = of("users/embeddings")[user], of("items/embeddings")[item]
    parts, at = [], model.gmf_dim
    if at:
        parts.append(p[:at] * q[:at])
    if model.mlp_dim:
        kernel = np.concatenate([of("hidden_user/kernel"), of("hidden_item/kernel")])
        h = np.maximum(np.concatenate([p[at:], q[at:]]) @ kernel + of("hidden_user/bias"), 0)
        for layer in range(1, len(model.hidden_dims)):
            h = np.maximum(h @ of(f"hidden_{layer}/kernel") + of(f"hidden_{layer}/bias"), 0)
        parts.append(h)
    return float((np.concatenate(parts) @ of("out/kernel") + of("out/bias"))[0])


@pytest.mark.parametrize("parts", [{}, {"gmf_dim": 0}, {"mlp_dim": 0}], ids=["both", "mlp", "gmf"])
def test_equals_the_formula(parts):
    model = made("neumf", **parts)
    scores = ops.convert_to_numpy(model.score({"user": np.array([4, 7])}))
    wanted = [[by_hand(model, user, item) for item in range(2, 22)] for user in (4, 7)]
    np.testing.assert_allclose(scores[:, 2:], wanted, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("alpha", [0.5, 0.0, 0.8])
def test_from_pretrained_begins_with_the_weighted_sum_of_both(alpha):
    gmf, mlp = made("neumf", mlp_dim=0), made("neumf", seed=1, gmf_dim=0)
    model = NeuMF.from_pretrained(gmf, mlp, alpha, seed=3)
    assert (model.gmf_dim, model.mlp_dim, model.hidden_dims, model.seed) == (4, 4, [8, 4], 3)
    inputs = {"user": np.array([4, 7])}
    both, left, right = (ops.convert_to_numpy(one.score(inputs))[:, 2:] for one in (model, gmf, mlp))
    np.testing.assert_allclose(both, alpha * left + (1 - alpha) * right, atol=1e-5)


@pytest.mark.tensorflow
def test_only_its_two_parts_can_be_joined():
    gmf, mlp = made("neumf", mlp_dim=0), made("neumf", gmf_dim=0)
    for pair, message in (
        ((mlp, gmf), "mlp_dim=0 and one with gmf_dim=0"),
        ((gmf, made("neumf", num_items=5, gmf_dim=0)), "same items and users"),
    ):
        with pytest.raises(ValueError, match=message):
            NeuMF.from_pretrained(*pair)
    with pytest.raises(ValueError, match="alpha"):
        NeuMF.from_pretrained(gmf, mlp, 1.5)


@pytest.mark.tensorflow
def test_a_loss_over_all_items_raises_an_error():
    for loss in (FullSoftmax(), FullSoftmax, "sparse_categorical_crossentropy"):
        with pytest.raises(ValueError, match="sampled loss"):
            made("neumf").compile(loss=loss)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"gmf_dim": 0, "mlp_dim": 0}, "both 0"), ({"hidden_dims": []}, "at least one"), ({"gmf_dim": -1}, "gmf_dim")],
)
def test_arguments_that_are_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        NeuMF(**{"num_items": 5, "num_users": 5, **arguments})
