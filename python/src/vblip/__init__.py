"""vblip - ask questions of video: search, answers and captions, with BLIP.

    import vblip

    with vblip.Model() as model:
        for hit in model.retrieve("videos/", "a dog on a beach"):
            print(hit.rank, hit.p_match, hit.path, hit.start, hit.end)

Model, Clip and Library are context managers. What takes long gives Rows, an iterator: a loop that is left, close() and
Ctrl-C stop the work. Errors are vblip.Error, with one line that says what is wrong. Times are seconds, frames are numpy
uint8 RGB [count, height, width, 3], features numpy float32.
"""

from vblip._errors import (ArgumentError, CancelledError, DemoWarning, DeviceError, Error, FileError, FormatError,
                           InputError, InputWarning, OutOfMemoryError, UnsupportedError)
from vblip._native import library_version, silence_ffmpeg
from vblip._stream import Rows
from vblip._tasks import FEATURES, TASKS
from vblip._version import __version__
from vblip.export import Moment, contact_sheet, cut, media, thumbnail
from vblip.inputs import files
from vblip._library import (Example, Library, describe_index, export_index, list_index, merge_indexes,
                           verify_index)
from vblip.model import Clip, Model
from vblip.rows import (Answer, Caption, Changes, Clipping, Counts, Event, Failure, Features, Hit, IndexInfo, Match,
                        Media, ModelInfo, Progress, RankedAnswer, Recording, Segment, Segments)

__all__ = [
    "Answer", "ArgumentError", "CancelledError", "Caption", "Changes", "Clip", "Clipping", "Counts", "DemoWarning",
    "DeviceError", "Error", "Event", "Example", "FEATURES", "Failure", "Features", "FileError", "FormatError", "Hit",
    "IndexInfo", "InputError", "InputWarning", "Library", "Match", "Media", "Model", "ModelInfo", "Moment",
    "OutOfMemoryError", "Progress", "RankedAnswer", "Recording", "Rows", "Segment", "Segments", "TASKS",
    "UnsupportedError", "__version__", "contact_sheet", "cut", "describe_index", "export_index", "files",
    "library_version", "list_index", "media", "merge_indexes", "silence_ffmpeg", "thumbnail", "verify_index",
]
