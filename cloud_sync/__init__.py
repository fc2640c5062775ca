"""The CDK app: settings, constructs and the state machine. Imports nothing of the functions' own code."""
