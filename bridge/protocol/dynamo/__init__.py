"""What NVIDIA Dynamo's frontends and workers say to each other, as ai-dynamo 1.6.1 has it. Experimental.

Internal to Dynamo and unversioned: every fact about it stands in this package, learned from its public source
(ai-dynamo/dynamo, lib/runtime and lib/llm) and held true by tests against its wheel.
"""
