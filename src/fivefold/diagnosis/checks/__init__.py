"""Checks of a training: each file holds one statistic, what it is when nothing is wrong, and how often it
errs.
"""
