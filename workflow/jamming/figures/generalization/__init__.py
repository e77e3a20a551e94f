"""Figures of [S], the generalization paper."""
