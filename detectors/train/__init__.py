"""Training of the models that we ship: from data sets to weights.

Promises: repeatable (seeded, resumable) training of the smoke and fire detector on CPU or GPU, its export to OpenVINO,
and its evaluation. Needs the `train` extra (torch, ultralytics, nncf); nothing that runs at a village imports it.
Not here: inference, `detectors.engine`; judgement over time, `alerts.smoke_fire`.
"""
