"""From a photo or drawing of a digit to an image like those of MNIST."""
