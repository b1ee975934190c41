"""Which layers of the network the classic terms look at.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
"""

from nst.engine.network.encoder import layer_names

CONTENT_LAYER = {"vgg19": "conv4_2", "vgg16": "relu2_2"}
STYLE_LAYERS = {
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
}
"""VGG-19: [Gatys16] §3. VGG-16: [Johnson16], whose content layer is this one too."""
DENSE_PER_BLOCK = 2
"""ReLUs in each block, from the first, that the dense choice of style layers adds."""


def style_layers(model: str, choice: str) -> tuple[str, ...]:
    """The classic ones, or among the layers up to the last of them about twice as many: a picture
    can fit a few layers of one network in ways that no other network takes for the style."""
    classic = STYLE_LAYERS[model]
    if choice == "classic":
        return classic
    path = layer_names(model)[: 1 + layer_names(model).index(classic[-1])]
    return tuple(name for name in path if name in classic or _is_dense(name))


def _is_dense(layer: str) -> bool:
    return layer.startswith("relu") and int(layer[-1]) <= DENSE_PER_BLOCK
