"""Fine-tuning: from a prepared folder to an adapter that the bench can judge. Importing it costs nothing."""

from rook_bench.training.settings import TrainSettings, load_settings

__all__ = ["TrainSettings", "load_settings"]
