"""``make smoke-aws``: a throw-away stage in a real AWS account, proven against real S3 and removed again.

It asks AWS what no sandbox can answer, and costs a few cents. Imports nothing of the functions' code: what they do is
judged by what they leave behind.
"""
