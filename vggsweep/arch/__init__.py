"""Architectures: plans, depth-width scaling, costs, and the modules themselves.

`plan`, `scaling`, `layout` and `costs` are pure arithmetic; `build`, `vgg`, `counting` need torch.
"""
