"""The layers, and the contract that they keep (`fnn.layers.layer`)."""
