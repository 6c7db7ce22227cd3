from support.explored import explored
from support.study_tools import brought, study

__all__ = ["brought", "explored", "study"]
