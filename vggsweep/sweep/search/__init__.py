"""A search that knows what a network costs before it is trained, and learns only how accurate it gets.

gaussian_process  accuracy over the space, with its uncertainty
features          points of a space as the process sees them
observations      what a study says about accuracy: finished trials, and stopped ones through their rungs
gain              expected gain in hypervolume of a network whose cost is known
known_costs       what a point costs, by arithmetic
known_cost        the sampler that puts them together
plateau           whether another trial is likely to raise the hypervolume
"""
