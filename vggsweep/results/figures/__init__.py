"""Figures: a table in, a Matplotlib figure out; nothing here writes files.

Each figure has a file with two functions: one that computes its numbers, as a data frame or series, and
one that draws them. `vggsweep.figures` is this package; it loads on first use.
"""

from vggsweep.results.figures.accuracy_cost import accuracy_cost_figure, accuracy_cost_points
from vggsweep.results.figures.depth_width import depth_width_figure, depth_width_grid
from vggsweep.results.figures.error_distribution import error_distribution, error_distribution_figure
from vggsweep.results.figures.hypervolume_time import hypervolume_over_time, hypervolume_time_figure
from vggsweep.results.figures.importance import importance_figure, parameter_importance
from vggsweep.results.figures.iso_cost import iso_cost_curves, iso_cost_figure
from vggsweep.results.figures.learning_curves import learning_curves, learning_curves_figure
from vggsweep.results.figures.missed_images import missed_images, missed_images_figure
from vggsweep.results.figures.network import network_boxes, network_figure
from vggsweep.results.figures.parallel_coordinates import parallel_axes, parallel_coordinates_figure
from vggsweep.results.figures.standings import standings, standings_figure

__all__ = [
    "accuracy_cost_figure",
    "accuracy_cost_points",
    "depth_width_figure",
    "depth_width_grid",
    "error_distribution",
    "error_distribution_figure",
    "hypervolume_over_time",
    "hypervolume_time_figure",
    "importance_figure",
    "iso_cost_curves",
    "iso_cost_figure",
    "learning_curves",
    "learning_curves_figure",
    "missed_images",
    "missed_images_figure",
    "network_boxes",
    "network_figure",
    "parallel_axes",
    "parallel_coordinates_figure",
    "parameter_importance",
    "standings",
    "standings_figure",
]
