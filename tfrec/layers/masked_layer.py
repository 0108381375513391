"""Use the Keras mask of an input if no `padding_mask` is given."""

from typing import Any

import keras


class MaskedLayer(keras.layers.Layer):
    """Base class of the layers that take a `padding_mask`, (B, L) bool, True at real positions.

    Without it, the layers use the Keras mask of the tensor with these positions, as
    `keras.layers.Embedding(mask_zero=True)` and `keras.layers.Masking` set it. They pass the mask of their first
    argument on.

    A subclass sets `masked_by` to the name and position of the `call` argument whose positions are masked.
    """

    masked_by: tuple[str, int] = ("inputs", 0)
    mask_place: int = 1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; without a padding mask, the Keras mask is used.

        Raises:
            ValueError: if there is neither a padding mask nor a Keras mask.
        """
        given = kwargs.get("padding_mask", args[self.mask_place] if len(args) > self.mask_place else None)
        if given is None:
            name, place = self.masked_by
            masked = kwargs.get(name, args[place] if len(args) > place else None)
            mask = getattr(masked, "_keras_mask", None)
            if mask is None and masked is not None:
                raise ValueError(
                    f"{type(self).__name__} needs to know which positions are real: pass padding_mask, (B, L) bool, or "
                    f"{name} with a Keras mask, as from keras.layers.Embedding(mask_zero=True)."
                )
            if len(args) > self.mask_place:
                args = (*args[: self.mask_place], mask, *args[self.mask_place + 1 :])
            else:
                kwargs = {**kwargs, "padding_mask": mask}
        # Keras' MultiHeadAttention removes the masks of its inputs, which other layers may need.
        masks = [(one, getattr(one, "_keras_mask", None)) for one in (*args, *kwargs.values())]
        found = super().__call__(*args, **kwargs)
        for one, mask in masks:
            if mask is not None:
                one._keras_mask = mask
        return found
