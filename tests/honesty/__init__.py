"""Do verdicts and intervals hold what they promise, on the noise of real runs?"""
