r"""Proof schemes: functions that build a derivation, or part of one, for several pages of one kind.

A scheme quantifies over what the kernel has no letters for, such as the norm of a layer or the predicate that says it. So it
is no theorem and no page, but the one place where such an argument is written.
"""
