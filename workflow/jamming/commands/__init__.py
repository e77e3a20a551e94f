"""The verbs of the command line, one module per stage of the workflow.

Each verb reads files, calls one function and writes one file. Heavy imports stand inside the verbs, so that none pays
for another's. A new stage is a module here with an `add_verbs`, and its name in STAGES.
"""

from . import claims, data, documents, explorer, figures, observables, plan, provenance, release, summaries, training

STAGES = (data, training, observables, figures, documents, provenance, release, explorer, claims, summaries, plan)
