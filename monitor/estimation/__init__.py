"""How good predictions are before their labels come: what scores promise, corrected by what labels have said of late.

Pure functions of profiles and of earlier windows' numbers:

1. `calibration`: how often a score came true on the reference, by score bin (isotonic).
2. `expected`: the `Outcome` that a window's scores promise by it, on which every accuracy measure works unchanged; and
   how far labels drawn by it would scatter each measure.
3. `anchor`: what labelled windows differed from their promise by, where that lasts; nothing where it does not.
4. `band`: the estimate, and the interval that holds nine in ten realised values; in words, when not to trust it.

Sources: CBPE as documented by NannyML; isotonic regression after Ayer et al. (1955); the bands are split conformal
(Vovk et al., 2005) with weights that decay (Barber et al., "Conformal prediction beyond exchangeability", 2023).
"""
