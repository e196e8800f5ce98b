"""The report of unfamiliar pictures: are drawings, scans, noise and medical pictures told from photographs?"""
