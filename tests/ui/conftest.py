from explored import explored

__all__ = ["explored"]
