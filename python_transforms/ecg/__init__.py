"""Transform ECG signals: raw signals become filtered signals, R peaks and features. Arrays in, arrays out."""

from python_transforms.ecg.batch import BEAT_FIGURES, TRANSFORM_VERSION, EcgBatch, transform_batch
from python_transforms.ecg_features import FEATURES, FeatureDefinition

__all__ = ["BEAT_FIGURES", "FEATURES", "TRANSFORM_VERSION", "EcgBatch", "FeatureDefinition", "transform_batch"]
