"""Values of a row that are more than numbers and texts: images, sounds, tables, charts and so on.

Only ``values`` and ``figures`` are loaded with the package; the rest when a script asks for it. Libraries that make such
values (numpy, PIL, torch, pandas, matplotlib, plotly) are used when the script has them, and never imported before.
"""
