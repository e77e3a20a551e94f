"""Tables of the figures of [S], the generalization paper."""
