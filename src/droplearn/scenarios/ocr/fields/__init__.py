"""Key fields of a page from its lines: which line belongs to which field (tagging), and what its value is (assembling). numpy only, but for
fitting.
"""
