"""Other people's frontends, measured by the same client in the same run.

Nothing is imported here: Dynamo's workers run in an environment without our packages.
"""
