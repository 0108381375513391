"""Return the scores of an attention with its output, on request."""

from typing import Any

import keras

from tfrec.layers.attention_record import is_recorded, record


class AttentionScores(keras.layers.Layer):
    """Base class of the attention layers: `layer(..., return_attention_scores=True)` returns `(output, scores)`.

    The argument works as in `keras.layers.MultiHeadAttention`: without it, a call returns only the output. The scores
    are those before dropout.

    Some layers used to return both in every call; they set `always_returned_scores`. Functional models saved by such a
    version refer to both outputs, so a layer loaded from such a file keeps returning both.
    """

    always_returned_scores = False
    _returns_scores = False  # True for a layer loaded from an old file

    def needs_scores(self, return_attention_scores: bool) -> bool:
        """Whether this call has to compute scores: for its caller or for `attention_record`."""
        return return_attention_scores or self._returns_scores or is_recorded()

    def with_scores(self, outputs: Any, scores: Any, return_attention_scores: bool) -> Any:
        """Record the scores, and return them with the output if requested."""
        record(scores)
        return self.returned(outputs, scores, return_attention_scores)

    def returned(self, outputs: Any, scores: Any, return_attention_scores: bool) -> Any:
        """Like `with_scores`, for a layer whose scores an inner layer has recorded."""
        return (outputs, scores) if return_attention_scores or self._returns_scores else outputs

    def compute_output_spec(self, *args: Any, return_attention_scores: bool = False, **kwargs: Any) -> Any:
        """The shapes and dtypes of the outputs of a call."""
        outputs = super().compute_output_spec(*args, **kwargs)
        if not (return_attention_scores or self._returns_scores):
            return outputs
        # The shape of the scores is found by tracing the call.
        traced = keras.Operation.compute_output_spec(self, *args, return_attention_scores=True, **kwargs)
        return outputs, traced[1]

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built with, and a mark that its calls return scores only on request."""
        config = super().get_build_config()
        if config and self.always_returned_scores and not self._returns_scores:
            return {**config, "scores_on_request": True}
        return config

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer. A layer from an old file, without the mark, keeps returning scores in every call."""
        super().build_from_config(config)
        self._returns_scores = self.always_returned_scores and not config.get("scores_on_request", False)
