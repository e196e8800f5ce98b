"""with_torch"""
