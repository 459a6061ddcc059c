"""Classification of the objects in street pictures, one crop each."""

from semcom.classification.classifier import CLASSIFIERS, Classifier, ClassifierNet, load_classifier
from semcom.classification.crops import OBJECTS, Crop, cut, object_crops

__all__ = [
    "CLASSIFIERS",
    "OBJECTS",
    "Classifier",
    "ClassifierNet",
    "Crop",
    "cut",
    "load_classifier",
    "object_crops",
]
