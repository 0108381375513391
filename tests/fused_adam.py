"""Adam in one operation for each weight: a training step of a test makes its graph in two thirds of the time."""

import keras

Adam = keras.optimizers.Adam

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    @keras.saving.register_keras_serializable("tests")
    class Adam(keras.optimizers.Adam):
        """What stock Adam computes, for tests that are not about the optimizer; for one device."""

        def _backend_update_step(self, grads, trainable_variables, learning_rate):
            step = tf.cast(self.iterations + 1, "float32")
            self._powers = {"beta1_power": tf.pow(self.beta_1, step), "beta2_power": tf.pow(self.beta_2, step)}
            super()._backend_update_step(grads, trainable_variables, learning_rate)

        def update_step(self, gradient, variable, learning_rate):
            place = self._get_variable_index(variable)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[place].value.handle,
                v=self._velocities[place].value.handle,
                **self._powers,
                lr=learning_rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=tf.convert_to_tensor(gradient),
            )
