"""A pytest plugin: hypothesis reports the first failing example as it is, without looking for a smaller one."""

from hypothesis import Phase, settings

settings.register_profile("no-shrinking", phases=(Phase.explicit, Phase.generate), database=None)
settings.load_profile("no-shrinking")
