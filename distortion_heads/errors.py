"""Every error that this library raises on purpose.

    DheadsError
    ├── InputError                 an input of `predict` cannot be used
    │   ├── NotAnImageError        the bytes are no picture that Pillow opens
    │   └── ImageTooLargeError     more pixels than the limit
    ├── HeadFileError              a head file cannot be used
    │   ├── HeadSchemaError        metadata missing, malformed or of an unknown schema
    │   ├── HeadTensorError        tensors missing, extra, misshapen or not finite
    │   └── BackboneMismatchError  trained on another backbone; names both fingerprints
    ├── BackboneError              a backbone file is missing or damaged
    ├── RegistryError              labels and plugins
    │   ├── InvalidLabelError      not a snake_case identifier
    │   ├── UnknownHeadError       no attached head has that label
    │   ├── LabelTakenError        two owners for one label; names both
    │   └── PluginError            a plugin failed and `--strict` was asked for
    ├── StoreError                 the user's folder of heads cannot be read or written
    ├── ProfileError               thresholds of one's own cannot be used, made or written
    ├── DataError                  training data that cannot be trained on, or its output not be written
    │   └── WorkerDiedError        a process that worked for this one was killed or crashed
    └── MissingExtraError          needs an optional extra that is not installed

The message of each is one line that says what to do. A `DheadsError` is the user's to mend; any other is a bug.
"""


class DheadsError(Exception):
    """Base of all errors raised on purpose."""


class InputError(DheadsError):
    """An input cannot be used."""


class NotAnImageError(InputError):
    """The bytes are no picture that Pillow opens."""


class ImageTooLargeError(InputError):
    """The picture has more pixels than the limit allows."""


class HeadFileError(DheadsError):
    """A head file cannot be used."""


class HeadSchemaError(HeadFileError):
    """The metadata is missing, malformed, or of an unknown schema."""


class HeadTensorError(HeadFileError):
    """Tensors are missing, extra, misshapen or not finite."""


class BackboneMismatchError(HeadFileError):
    """The head was trained on another backbone."""


class BackboneError(DheadsError):
    """A backbone file is missing or damaged."""


class RegistryError(DheadsError):
    """Labels or plugins are wrong."""


class InvalidLabelError(RegistryError):
    """The label is not a snake_case identifier."""


class UnknownHeadError(RegistryError):
    """No attached head has that label."""


class LabelTakenError(RegistryError):
    """Two owners claim one label."""


class PluginError(RegistryError):
    """A plugin failed and strictness was asked for."""


class StoreError(DheadsError):
    """The user's folder of heads cannot be read or written."""


class ProfileError(DheadsError):
    """Thresholds of one's own cannot be used, made or written."""


class DataError(DheadsError):
    """The training data cannot be trained on, or what is made of them not be written."""


class WorkerDiedError(DataError):
    """A process that worked for this one was killed or crashed."""


class MissingExtraError(DheadsError):
    """Something needs an optional extra that is not installed."""

    def __init__(self, what: str, extra: str = "train") -> None:
        super().__init__(
            f"{what} needs the extra {extra!r}: run pip install -e '.[{extra}]' in the checkout of distortion-heads"
        )
