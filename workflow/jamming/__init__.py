"""The jamming transition of neural networks: data, training, observables, tables and figures.

It consists of plain functions on arrays and never imports Snakemake. The command line is `python -m jamming`.
[G] is Geiger et al., arXiv:1809.09349; [S] is Spigler et al., arXiv:1810.09665.
"""

__version__ = "0.1.0"
