"""A small interpreter of the Amazon States Language, for exactly the features that the gate admits.

moto's own interpreter never fails a Distributed Map, writes empty result files and breaks on a start time in a
payload; a narrow interpreter whose every feature is tested is easier to trust than twenty patches. moto keeps the API
in front of it (``sandbox/aws/repairs/stepfunctions.py``).
"""
