"""A search that knows what a network costs before it is trained, and learns only how accurate it gets.

candidates        points that may be proposed, with what they cost (`vggsweep.sweep.spec.known_costs`)
features          points of a space as the process sees them
observations      what a study says about accuracy: finished trials, and stopped ones through their rungs
gaussian_process  accuracy over the space, with its uncertainty
belief            what all this leads to expect of the candidates, and the front so far
gain              expected gain in hypervolume of a network whose cost is known
known_cost        the sampler that puts them together
plateau           whether another trial is likely to raise the hypervolume
"""
