"""Batches for `fit`: sequences, masked items and labelled rows as `tf.data`."""
