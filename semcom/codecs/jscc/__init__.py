"""DeepJSCC: a network that maps pictures to channel symbols and back, without bits in between."""
