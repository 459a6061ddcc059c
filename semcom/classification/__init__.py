"""Classification of the objects in street pictures, one crop each."""

from semcom.classification.classifier import Classifier, ClassifierNet, load_classifier
from semcom.classification.crops import OBJECTS, Crop, cut, object_crops

__all__ = [
    "OBJECTS",
    "Classifier",
    "ClassifierNet",
    "Crop",
    "cut",
    "load_classifier",
    "object_crops",
]
