"""Sublevel sets: paths inside them that prove themselves, and exact components for polynomials of one variable."""

from numerics.sublevel.gauge_paths import GaugePath as GaugePath
from numerics.sublevel.gauge_paths import connect_through_gauge as connect_through_gauge
from numerics.sublevel.gauge_paths import sign_pattern as sign_pattern
from numerics.sublevel.line import components as components
from numerics.sublevel.line import is_strict_minimum as is_strict_minimum
from numerics.sublevel.linear_paths import connect as connect
from numerics.sublevel.linear_paths import exchange as exchange
from numerics.sublevel.linear_paths import squared_error as squared_error
