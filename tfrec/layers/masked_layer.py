"""The mask of Keras where no `padding_mask` is given."""

from typing import Any

import keras


class MaskedLayer(keras.layers.Layer):
    """Base of the layers that take a `padding_mask`, (B, L) bool, True at real positions.

    Where it is not given, it is the mask that Keras keeps with the tensor which holds those positions, as
    `keras.layers.Embedding(mask_zero=True)` and `keras.layers.Masking` leave it. The layers hand the mask of their
    first argument on.

    A subclass names in `masked_by` the argument of `call` whose positions are masked, and its place.
    """

    masked_by: tuple[str, int] = ("inputs", 0)
    mask_place: int = 1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras, with the padding mask found where it is not given.

        Raises:
            ValueError: if there is neither a padding mask nor a mask of Keras.
        """
        given = kwargs.get("padding_mask", args[self.mask_place] if len(args) > self.mask_place else None)
        if given is None:
            name, place = self.masked_by
            masked = kwargs.get(name, args[place] if len(args) > place else None)
            mask = getattr(masked, "_keras_mask", None)
            if mask is None and masked is not None:
                raise ValueError(
                    f"{type(self).__name__} needs to know which positions are real: give padding_mask, (B, L) bool, or "
                    f"{name} with a mask of Keras, as keras.layers.Embedding(mask_zero=True) makes it."
                )
            if len(args) > self.mask_place:
                args = (*args[: self.mask_place], mask, *args[self.mask_place + 1 :])
            else:
                kwargs = {**kwargs, "padding_mask": mask}
        # Keras' MultiHeadAttention takes the masks off its inputs, which other layers may read as well.
        masks = [(one, getattr(one, "_keras_mask", None)) for one in (*args, *kwargs.values())]
        found = super().__call__(*args, **kwargs)
        for one, mask in masks:
            if mask is not None:
                one._keras_mask = mask
        return found
