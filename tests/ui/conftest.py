from support.explored import explored

__all__ = ["explored"]
