"""Floor 1: pages from plain records.

Nothing here knows the rooms that make the records: a record is a dictionary of numbers, texts and lists.
Every value in it counts as hostile: it is cleaned, shortened and escaped before it reaches a page.
"""
