"""What is seen of a training that somebody else wrote: steps, layers, losses, and a tape that plays a step
again.
"""
