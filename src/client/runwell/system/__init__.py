"""What the machine and the process of a run are doing, sampled by a thread of the training process.

Nothing here is imported before the thread runs, and whatever fails is left out of the sample: training never notices.
"""
